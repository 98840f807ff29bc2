-- gives: clearsOf, clearedIndex, clearedIn, clearedTurn
--[[ Part of every script that meets tasks: what was cleared and is not removed yet (ADR 36). A clear has renamed the index
of each state that it takes, so a task is cleared when it is in an index of a clear. No script may see it any more.
<queue>:clears               hash  by number of a clear: the turn that was given last before it, and the states it took
<queue>:cleared:<n>:<state>  zset  ids by birth: what was <queue>:state:<state>
<queue>:cleared:<n>:batches  set   batches whose counts leave out what it took, see `batch.lua` ]]
local clearsIn = {}

-- Each with its number, turn and states.
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

function clearedIndex(queue, number, state) return queue .. ':cleared:' .. number .. ':' .. state end

-- The index of a clear in which a task is; nil when it was not cleared. A birth tells it from a later task with its id.
function clearedIn(queue, id, state, born)
  for _, clear in ipairs(clearsOf(queue)) do
    local index = clear.states[state] and clearedIndex(queue, clear.number, state)
    local score = index and redis.call('ZSCORE', index, id)
    if score and (not born or tonumber(score) == tonumber(born)) then return index end
  end
  return nil
end

-- The last turn that a round may have had when the queue was cleared of what was ready; nil when it was not.
function clearedTurn(queue)
  local latest = nil
  for _, clear in ipairs(clearsOf(queue)) do
    if clear.states.queued then latest = math.max(latest or 0, clear.turn) end
  end
  return latest
end
