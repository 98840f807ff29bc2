--[[ Adds the queues that a claim call names to those that it has named before, ahead of taking tasks from them.
KEYS[1]  the names of those queues
ARGV[1]  milliseconds that they are kept at least
ARGV     then the queues
Returns those that it had named before. ]]
local before = redis.call('SMEMBERS', KEYS[1])
for i = 2, #ARGV do redis.call('SADD', KEYS[1], ARGV[i]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return before
