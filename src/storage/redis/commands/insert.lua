-- needs: events, insertion, record, writes
--[[ Inserts tasks whose ids are free, in any queue. All keys are on one node.
KEYS[2 * i - 1]  the queue of task i
KEYS[2 * i]      the entry of its id in the directory
ARGV[1]          entries that the event stream keeps
ARGV             then for each task: nonce, id, state, the words of its head before its place and behind its birth,
                 priority, deadline, spec, core, payload, batch (or ''), lane, channel, event
Returns for each task: the id of its event, or the record that exists. ]]
-- Read: the arguments of each task.
local WIDTH = 14
local results = {}
for i = 1, #KEYS / 2 do
  local queue, entry, from = KEYS[2 * i - 1], KEYS[2 * i], 2 + (i - 1) * WIDTH
  local place, id = ARGV[from] .. ' ' .. nameOf(queue), ARGV[from + 1]
  -- Check: the id is free. Write: its entry, in the same command.
  local taken = redis.call('SET', entry, place, 'NX', 'GET')
  local record = taken and recordOf(string.match(queue, '^(.*{)') .. string.match(taken, ' (.*)$') .. '}', id)
  if record and record[1] then
    results[i] = record
  else
    -- Write: the task, and the entry that another task left behind.
    -- The task of the former entry was removed; its entry would have been removed next.
    if taken then redis.call('SET', entry, place) end
    results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 1))
  end
end
-- Write: the events, then what was collected.
endEvents()
writePending()
return results
