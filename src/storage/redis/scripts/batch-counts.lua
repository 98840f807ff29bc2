--[[ Counts the tasks of a batch by state.
KEYS  for each queue the counts of the batch, then where an earlier version may have left some (see `batch.lua`)
ARGV  the states
Returns for each queue the counts. ]]
local queues = {}
for k = 1, #KEYS, 2 do
  local counts, old = redis.call('HMGET', KEYS[k], unpack(ARGV)), KEYS[k + 1]
  if redis.call('TYPE', old).ok == 'hash' then
    for s, more in ipairs(redis.call('HMGET', old, unpack(ARGV))) do counts[s] = (counts[s] or 0) + (more or 0) end
  end
  queues[#queues + 1] = counts
end
return queues
