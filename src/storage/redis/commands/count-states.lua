--[[ Counts the tasks of queues by state.
KEYS  queues
ARGV  the states
Returns for each queue the counts in the order of the states, then the core of its oldest waiting task, or false. ]]
-- Read: the sizes of the indices, and the oldest waiting task.
local queues = {}
for q, queue in ipairs(KEYS) do
  local row = {}
  for s, state in ipairs(ARGV) do row[s] = redis.call('ZCARD', queue .. ':state:' .. state) end
  local oldest = redis.call('ZRANGE', queue .. ':state:queued', 0, 0)[1]
  row[#ARGV + 1] = oldest and redis.call('HGET', queue .. ':task:' .. oldest, 'core')
  queues[q] = row
end
return queues
