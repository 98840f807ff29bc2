-- needs: index, record, writes
--[[ Takes ids out of the indices whose tasks have no record.
KEYS[i]  the queue of task i
ARGV[i]  its id
Returns those that were taken out, each as queue and id. ]]
for i, queue in ipairs(KEYS) do
  if not read(queue, ARGV[i]) then dropDangling(queue, ARGV[i]) end
end
writePending()
return dangling
