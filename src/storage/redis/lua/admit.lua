-- needs: ages, counters, lanes, notes, ready, rings, signatures, totals
-- gives: makeReady, takeBack
--[[ Part of every script that writes: makes tasks ready, by the ways of a plain queue or by lanes. ]]

-- Gives a plain queue its lanes: as many steps as it has priorities.
local function giveLanes(queue)
  if isLaned(queue) then return end
  flush(queue .. ':ready')
  becomeLaned(queue)
  local _, place = unpack(redis.call('ZRANGE', queue .. ':ready', 0, 0, 'WITHSCORES'))
  while place do
    local priority = priorityOf(place)
    local round, after = priority .. ' ', placesOf(priority - 1)
    local size = redis.call('ZCOUNT', queue .. ':ready', place, '(' .. after)
    put(queue .. ':waiting', round, size)
    tally(queue .. ':levels', priority, size)
    tally(queue .. ':levels', 'r' .. priority, 1)
    meet(queue, '', size)
    giveTurn(queue, round)
    enterRing(queue, '', round, priority)
    _, place = unpack(redis.call('ZRANGE', queue .. ':ready', after, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES'))
  end
end

local function moveInPlain(queue, id, head, place)
  note(queue .. ':ready', id, place)
  if metaOf(queue, 'aged') > 0 then touch(queue, priorityOf(head.place)) end
end

function makeReady(queue, id, head)
  if head.lane ~= '' then giveLanes(queue) end
  if isLaned(queue) then queueUp(queue, id, head) else moveInPlain(queue, id, head, head.place) end
end

function takeBack(queue, id, head)
  if isLaned(queue) then stepOut(queue, id, head) else moveInPlain(queue, id, head, false) end
end
