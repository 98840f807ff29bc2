-- needs: index, record, writes
--[[ Takes ids without a record out of the indices.
KEYS[i]  the queue of task i
ARGV[i]  its id
Returns the ids that were taken out, each as {queue, id}. ]]
-- Read: the record of each task.
for i, queue in ipairs(KEYS) do
  -- Check: it has no record. Write: takes it out.
  if not read(queue, ARGV[i]) then dropDangling(queue, ARGV[i]) end
end
-- Write: what was collected.
writePending()
return dangling
