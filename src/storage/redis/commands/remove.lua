-- needs: record, removal, writes
--[[ Removes tasks with all their keys, unless another write came first.
KEYS[i]  the queue of task i
ARGV[1]  milliseconds for which a late insert with the nonce of a removed task is refused
ARGV     then for each task: id, the head that was read
Returns for each task its nonce, or false. ]]
-- Read: the head of each task.
local results = {}
for i, queue in ipairs(KEYS) do
  local id, seen = ARGV[2 * i], ARGV[2 * i + 1]
  local head, text = read(queue, id)
  -- Check: no other write came first.
  results[i] = text == seen and head.nonce
  -- Write: removes the task.
  if text == seen then removeTask(queue, id, head, ARGV[1]) end
end
-- Write: what was collected.
writePending()
return results
