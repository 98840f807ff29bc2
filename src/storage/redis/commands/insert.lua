-- needs: events, insertion, record, writes
--[[ Inserts tasks whose ids are not taken, in any queue. Everything is on one node.
KEYS[2 * i - 1]  the queue of task i
KEYS[2 * i]      the entry of its id in the directory
ARGV[1]          entries that the event stream keeps
ARGV             then for each task: nonce, id, state, the words of its head before its place and behind its birth,
                 priority, deadline, spec, core, payload, batch (or ''), lane, channel, event
Returns for each task: the id of its event, or the record that is there. ]]
local WIDTH = 14
local results = {}
for i = 1, #KEYS / 2 do
  local queue, entry, from = KEYS[2 * i - 1], KEYS[2 * i], 2 + (i - 1) * WIDTH
  local place, id = ARGV[from] .. ' ' .. nameOf(queue), ARGV[from + 1]
  local taken = redis.call('SET', entry, place, 'NX', 'GET')
  local record = taken and recordOf(string.match(queue, '^(.*{)') .. string.match(taken, ' (.*)$') .. '}', id)
  if record and record[1] then
    results[i] = record
  else
    -- The task of the entry that was there is gone, and its entry would have followed.
    if taken then redis.call('SET', entry, place) end
    results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 1))
  end
end
endEvents()
writePending()
return results
