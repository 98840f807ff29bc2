-- needs: record
--[[ Reads tasks.
KEYS[i]  the queue of task i
ARGV[i]  its id
Returns for each task its head, spec, core and lease; no head when there is no such task. ]]
-- Read: the records.
local records = {}
for i, queue in ipairs(KEYS) do
  records[i] = recordOf(queue, ARGV[i])
end
return records
