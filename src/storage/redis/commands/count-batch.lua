-- needs: clears
--[[ Counts the tasks of a batch by state.
KEYS     for each queue three keys: the queue; the counts of the batch; the key at which an earlier version may have left
         some of them (see `batch.lua`)
ARGV[1]  the batch   ARGV then the states
Returns for each queue the counts in the order of the states. ]]
-- Read: the counts.
local queues = {}
for k = 1, #KEYS, 3 do
  local counts, old = redis.call('HMGET', KEYS[k + 1], unpack(ARGV, 2)), KEYS[k + 2]
  -- Read: the counts of an earlier version are added.
  if redis.call('TYPE', old).ok == 'hash' then
    for s, more in ipairs(redis.call('HMGET', old, unpack(ARGV, 2))) do counts[s] = (counts[s] or 0) + (more or 0) end
  end
  -- Read: cleared tasks are left out.
  for _, clear in ipairs(clearsOf(KEYS[k])) do
    if redis.call('SISMEMBER', clearedIndex(KEYS[k], clear.number, 'batches'), ARGV[1]) == 0 then
      for s = 1, #ARGV - 1 do counts[s] = not clear.states[ARGV[s + 1]] and counts[s] end
    end
  end
  queues[#queues + 1] = counts
end
return queues
