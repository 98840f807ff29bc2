--[[ Counts the tasks of a batch by state.
KEYS  the batch in each queue
ARGV  the states
Returns for each queue the counts. ]]
local queues = {}
for q, batch in ipairs(KEYS) do queues[q] = redis.call('HMGET', batch .. ':counts', unpack(ARGV)) end
return queues
