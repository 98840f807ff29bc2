-- needs: index, removal, writes
--[[ Removes tasks of queues in steps, the oldest first. Used instead of a mark while processes are connected that do not know
marks (ADR 36).
KEYS     queues
ARGV[1]  milliseconds for which a late insert with the nonce of a removed task is refused
ARGV[2]  the most tasks to remove   ARGV[3] the number of states
ARGV     the states; then for each queue the birth of the youngest task to remove, as the first step returned it
Returns the removed tasks, each as {number of the queue, id, nonce}; for each queue the birth of its youngest task; and
the entries without a record, each as {queue, id}. ]]
-- Read: the arguments.
local fence, most, states = unpack(ARGV, 1, 3)
local gone, births = {}, {}
for q, queue in ipairs(KEYS) do
  -- Read: the youngest birth, so that tasks enqueued during the clear stay.
  births[q] = ARGV[3 + states + q] or redis.call('HGET', queue .. ':meta', 'event') or '0'
  for s = 4, 3 + states do
    -- Read: the next tasks of a state.
    local left = most - #gone - #dangling
    local index = queue .. ':state:' .. ARGV[s]
    local ids = left > 0 and redis.call('ZRANGE', index, '-inf', births[q], 'BYSCORE', 'LIMIT', 0, left) or {}
    -- Write: removes them.
    removeAll(q, queue, ids, fence, gone)
  end
end
writePending()
return {gone, births, dangling}
