--[[ Adds names to those of all queues.
KEYS[1]  the names of all queues
ARGV     the names to add ]]
-- Write: the names, in portions.
for from = 1, #ARGV, 1000 do redis.call('SADD', KEYS[1], unpack(ARGV, from, math.min(from + 999, #ARGV))) end
