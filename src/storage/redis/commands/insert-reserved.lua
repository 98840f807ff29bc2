-- needs: events, insertion, record, removal, writes
--[[ Inserts tasks whose ids were given to their queues, unless they are there already.
KEYS[i]  the queue of task i
ARGV[1]  entries that the event stream keeps
ARGV     then for each task: nonce, id, state, the words of its head before its place and behind its birth, priority,
         deadline, spec, core, payload, batch (or ''), lane, channel, event
Returns for each task: the id of its event, or the record that is there, or false when the nonce was given up. ]]
local WIDTH = 14
local results = {}
for i, queue in ipairs(KEYS) do
  local from = 2 + (i - 1) * WIDTH
  local nonce, id = ARGV[from], ARGV[from + 1]
  freeId(queue, id)
  local record = recordOf(queue, id)
  if record[1] then
    results[i] = record
  elseif redis.call('GET', queue .. ':gone:' .. id) == nonce then
    results[i] = false
  else
    results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 1))
  end
end
endEvents()
writePending()
return results
