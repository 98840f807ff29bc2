-- gives: clearsOf, clearedIndex, clearedIn, clearedTurn
--[[ Part of every script that meets tasks: clears whose tasks are not removed yet (ADR 36). A clear has renamed the index of
each state that it took, so a task is cleared while it is in an index of a clear. Scripts treat it as missing.
<queue>:clears               hash  by number of a clear: the last turn given before it, and the states that it took
<queue>:cleared:<n>:<state>  zset  ids by birth: the former <queue>:state:<state>
<queue>:cleared:<n>:batches  set   batches whose counts leave out the cleared tasks, see `batch.lua` ]]
local clearsIn = {}

-- The clears of a queue, each with its number, turn and states. Read once per script.
function clearsOf(queue)
  local known = clearsIn[queue]
  if known then return known end
  known = {}
  local rows = redis.call('HGETALL', queue .. ':clears')
  for i = 1, #rows, 2 do
    local turn, states = string.match(rows[i + 1], '^(%S+) (.*)$')
    local clear = {number = rows[i], turn = tonumber(turn), states = {}}
    for state in string.gmatch(states, '%S+') do clear.states[state] = true end
    known[#known + 1] = clear
  end
  clearsIn[queue] = known
  return known
end

-- The key of an index that a clear renamed.
function clearedIndex(queue, number, state) return queue .. ':cleared:' .. number .. ':' .. state end

-- The index of a clear that contains the task; nil when it was not cleared. With `born`, a later task with the same id does
-- not count.
function clearedIn(queue, id, state, born)
  for _, clear in ipairs(clearsOf(queue)) do
    local index = clear.states[state] and clearedIndex(queue, clear.number, state)
    local score = index and redis.call('ZSCORE', index, id)
    if score and (not born or tonumber(score) == tonumber(born)) then return index end
  end
  return nil
end

-- The last turn given before the latest clear of ready tasks; nil without such a clear.
function clearedTurn(queue)
  local latest = nil
  for _, clear in ipairs(clearsOf(queue)) do
    if clear.states.queued then latest = math.max(latest or 0, clear.turn) end
  end
  return latest
end
