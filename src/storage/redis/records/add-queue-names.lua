--[[ Adds to the names of all queues.
KEYS[1]  all of them
ARGV     those to add ]]
for from = 1, #ARGV, 1000 do redis.call('SADD', KEYS[1], unpack(ARGV, from, math.min(from + 999, #ARGV))) end
