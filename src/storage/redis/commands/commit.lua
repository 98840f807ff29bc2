-- needs: events, insertion, record, writes
--[[ Inserts staged tasks whose ids are free, in any queue. All keys are on one node.
KEYS[2 * i - 1]  the queue of task i
KEYS[2 * i]      the entry of its id in the directory
ARGV[1]          entries that the event stream keeps   ARGV[2] the nonce of the call
ARGV             then for each task: nonce, id, state, the words of its head before its place and behind its birth,
                 priority, deadline, batch (or ''), lane, channel, event
Returns for each task: the id of its event, or the record that exists. Returns false when a staged task has expired. ]]
-- Read: the staged keys and the directory.
local SHARED, WIDTH = 2, 11
local staged, entries = {}, {}
for i = 1, #KEYS / 2 do
  staged[i], entries[i] = stagedKey(KEYS[2 * i - 1], ARGV[2], i), KEYS[2 * i]
end
-- Check: every task is still staged.
if not areAllStaged(staged) then return false end
-- Read: where the ids are.
local results, places, taken = {}, {}, {}
for i, place in ipairs(redis.call('MGET', unpack(entries))) do taken[entries[i]] = place end
-- Check: the task of an entry exists. Write: otherwise moves the staged task into place.
for i, entry in ipairs(entries) do
  local queue, from = KEYS[2 * i - 1], SHARED + 1 + (i - 1) * WIDTH
  local id, place = ARGV[from + 1], taken[entry]
  local record = place and recordOf(string.match(queue, '^(.*{)') .. string.match(place, ' (.*)$') .. '}', id)
  if record and record[1] then
    results[i] = record
    redis.call('UNLINK', staged[i])
  else
    taken[entry] = ARGV[from] .. ' ' .. nameOf(queue)
    places[#places + 1], places[#places + 2] = entry, taken[entry]
    results[i] = commitStaged(ARGV[1], staged[i], queue, unpack(ARGV, from + 1, from + WIDTH - 1))
  end
end
-- Write: the directory, the events, then what was collected.
if places[1] then redis.call('MSET', unpack(places)) end
endEvents()
writePending()
return results
