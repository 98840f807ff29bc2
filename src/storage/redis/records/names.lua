--[[ Notes the names of queues.
KEYS[1]  all of them
ARGV     those to note ]]
for from = 1, #ARGV, 1000 do redis.call('SADD', KEYS[1], unpack(ARGV, from, math.min(from + 999, #ARGV))) end
