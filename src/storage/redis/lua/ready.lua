-- needs: ages, counters, lanes, notes, rings, signatures, totals
-- gives: queueUp, stepOut
--[[ Part of every script that writes: makes tasks ready, and takes them back. Both may be done twice. ]]
function queueUp(queue, id, head)
  local signature, group = partsOf(head.lane)
  local priority = priorityOf(head.place)
  local round = priority .. ' ' .. group
  local key = keyOf(queue, priority, head.lane)
  freshen(queue, key)
  if redis.call('ZADD', key, head.place, id) == 0 then return end
  if increase(queue .. ':waiting', round, 1) == 1 then
    tally(queue .. ':levels', 'r' .. priority, 1)
    giveTurn(queue, round)
  end
  tally(queue .. ':levels', priority, 1)
  meet(queue, signature, 1)
  if signature ~= '' then
    freshen(queue, queue .. ':round:' .. round)
    note(queue .. ':round:' .. round, id, head.place)
  end
  enterRing(queue, signature, round, priority)
end

-- Whether a round has nothing more that requires this.
local function isDry(queue, priority, lane, left)
  if left == 0 or isOnlyOne(queue) then return left == 0 end
  return not oldest(queue, priority, lane)
end

function stepOut(queue, id, head)
  local signature, group = partsOf(head.lane)
  local priority = priorityOf(head.place)
  local round = priority .. ' ' .. group
  if redis.call('ZREM', keyOf(queue, priority, head.lane), id) == 0 then return end
  local left = increase(queue .. ':waiting', round, -1)
  if left == 0 then
    tally(queue .. ':levels', 'r' .. priority, -1)
    put(queue .. ':turns', round, 0)
  end
  tally(queue .. ':levels', priority, -1)
  meet(queue, signature, -1)
  if signature ~= '' then note(queue .. ':round:' .. round, id, false) end
  if isDry(queue, priority, head.lane, left) then leaveRing(queue, signature, round) end
  touch(queue, priority)
end
