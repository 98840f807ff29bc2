-- needs: mend, record, totals
--[[ Takes ids out of the indices whose tasks have no record.
KEYS[i]  the queue of task i
ARGV[i]  its id
Returns those that were taken out, each as queue and id. ]]
for i, queue in ipairs(KEYS) do
  if not read(queue, ARGV[i]) then drop(queue, ARGV[i]) end
end
writeNotes()
return dangling
