--[[ Reads tasks.
KEYS[i]  the queue of task i
ARGV[i]  its id
Returns for each its head, spec, core and lease; no head when there is no such task. ]]
local records = {}
for i, queue in ipairs(KEYS) do
  records[i] = redis.call('HMGET', queue .. ':task:' .. ARGV[i], 'head', 'spec', 'core', 'lease')
end
return records
