--[[ Part of every script that writes: makes tasks ready, and takes them back. Both may be done twice. ]]
local function queueUp(queue, id, head)
  local signature, group = partsOf(head.lane)
  local priority = priorityOf(head.place)
  local round = priority .. ' ' .. group
  if redis.call('ZADD', keyOf(queue, priority, head.lane), head.place, id) == 0 then return end
  if redis.call('HINCRBY', queue .. ':waiting', round, 1) == 1 then
    redis.call('HINCRBY', queue .. ':levels', 'r' .. priority, 1)
    giveTurn(queue, round)
  end
  tally(queue .. ':levels', priority, 1)
  tally(queue .. ':signatures', signature, 1)
  enterRing(queue, signature, priority, group)
end

local function stepOut(queue, id, head)
  local signature, group = partsOf(head.lane)
  local priority = priorityOf(head.place)
  local round = priority .. ' ' .. group
  if redis.call('ZREM', keyOf(queue, priority, head.lane), id) == 0 then return end
  waitingOf[queue .. ' ' .. round] = less(queue .. ':waiting', round)
  if waitingOf[queue .. ' ' .. round] == 0 then
    less(queue .. ':levels', 'r' .. priority)
    redis.call('HDEL', queue .. ':turns', round)
  end
  tally(queue .. ':levels', priority, -1)
  tally(queue .. ':signatures', signature, -1)
  if not oldest(queue, priority, head.lane) then redis.call('ZREM', ringOf(queue, signature), round) end
end
