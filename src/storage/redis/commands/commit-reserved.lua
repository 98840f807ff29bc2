-- needs: events, insertion, record, removal, writes
--[[ Inserts staged tasks whose ids were given to their queue, unless they exist. All or none are inserted.
KEYS[i]  the queue of task i
ARGV[1]  entries that the event stream keeps   ARGV[2] the nonce of the call
ARGV     then for each task: nonce, id, state, the words of its head before its place and behind its birth, priority,
         deadline, batch (or ''), lane, channel, event
Returns for each task: the id of its event; or the record that exists; or false when the nonce of a missing task was given
up, and then none is inserted. Returns false alone when a staged task has expired. ]]
-- Read: the staged keys, the tasks, and the refused nonces of their ids.
local SHARED, WIDTH = 2, 11
local staged, tasks, gone = {}, {}, {}
for i, queue in ipairs(KEYS) do
  local id = ARGV[SHARED + 2 + (i - 1) * WIDTH]
  staged[i], tasks[i], gone[i] = stagedKey(queue, ARGV[2], i), queue .. ':task:' .. id, queue .. ':gone:' .. id
end
-- Check: every task is still staged.
if not areAllStaged(staged) then return false end
-- Write: removes cleared tasks with these ids, so that their ids are free.
for i, queue in ipairs(KEYS) do freeId(queue, ARGV[SHARED + 2 + (i - 1) * WIDTH]) end
-- Check: which tasks exist, and whether a nonce was given up.
local isAnyThere = redis.call('EXISTS', unpack(tasks)) > 0
local results, isGivenUp = {}, false
for i, nonce in ipairs(redis.call('MGET', unpack(gone))) do
  local from = SHARED + 1 + (i - 1) * WIDTH
  local record = isAnyThere and recordOf(KEYS[i], ARGV[from + 1])
  results[i] = record and record[1] and record
  if not results[i] and nonce == ARGV[from] then isGivenUp = true end
end
-- Write: moves the staged tasks into place.
for i, queue in ipairs(KEYS) do
  local from = SHARED + 1 + (i - 1) * WIDTH
  if results[i] or isGivenUp then
    redis.call('UNLINK', staged[i])
  else
    results[i] = commitStaged(ARGV[1], staged[i], queue, unpack(ARGV, from + 1, from + WIDTH - 1))
  end
end
endEvents()
writePending()
return results
