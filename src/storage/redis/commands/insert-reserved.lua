-- needs: events, insertion, record, removal, writes
--[[ Inserts tasks whose ids were given to their queues, unless they exist.
KEYS[i]  the queue of task i
ARGV[1]  entries that the event stream keeps
ARGV     then for each task: nonce, id, state, the words of its head before its place and behind its birth, priority,
         deadline, spec, core, payload, batch (or ''), lane, channel, event
Returns for each task: the id of its event; or the record that exists; or false when its nonce was given up. ]]
-- Read: the arguments of each task.
local WIDTH = 14
local results = {}
for i, queue in ipairs(KEYS) do
  local from = 2 + (i - 1) * WIDTH
  local nonce, id = ARGV[from], ARGV[from + 1]
  -- Write: removes a cleared task with this id, so that the id is free.
  freeId(queue, id)
  -- Check: the task does not exist, and its nonce was not given up.
  local record = recordOf(queue, id)
  if record[1] then
    results[i] = record
  elseif redis.call('GET', queue .. ':gone:' .. id) == nonce then
    results[i] = false
  else
    -- Write: the task.
    results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 1))
  end
end
-- Write: the events, then what was collected.
endEvents()
writePending()
return results
