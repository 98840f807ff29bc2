--[[ Adds the queues of a claim call to those that it named before, ahead of taking tasks from them.
KEYS[1]  the names of its queues
ARGV[1]  milliseconds for which to keep them at least
ARGV     then the queues
Returns the queues that it named before. ]]
-- Read: the queues so far.
local before = redis.call('SMEMBERS', KEYS[1])
-- Write: the queues, and a later end.
for i = 2, #ARGV do redis.call('SADD', KEYS[1], ARGV[i]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return before
