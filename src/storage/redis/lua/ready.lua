-- needs: ages, lanes, rings, signatures, writes
-- gives: stepOut, makeReady, makeUnready
--[[ Part of every script that writes: adds ready tasks and takes them out, with and without lanes. Both can be repeated. ]]
-- Adds a ready task to its lane.
local function queueUp(queue, id, head)
  local signature, group = partsOf(head.lane)
  local priority = priorityOf(head.place)
  local round = priority .. ' ' .. group
  local key = keyOf(queue, priority, head.lane)
  freshen(queue, key)
  if redis.call('ZADD', key, head.place, id) == 0 then return end
  if increase(queue .. ':waiting', round, 1) == 1 then
    addTo(queue .. ':levels', 'r' .. priority, 1)
    giveTurn(queue, round)
  end
  addTo(queue .. ':levels', priority, 1)
  countSignature(queue, signature, 1)
  if signature ~= '' then
    freshen(queue, queue .. ':round:' .. round)
    setScore(queue .. ':round:' .. round, id, head.place)
  end
  enterRing(queue, signature, round, priority)
end

-- Whether the round of a lane has no ready task left with its signature.
local function isDry(queue, priority, lane, left)
  if left == 0 or isOnlyOne(queue) then return left == 0 end
  return not oldest(queue, priority, lane)
end

-- Takes a task out of its lane.
function stepOut(queue, id, head)
  local signature, group = partsOf(head.lane)
  local priority = priorityOf(head.place)
  local round = priority .. ' ' .. group
  if redis.call('ZREM', keyOf(queue, priority, head.lane), id) == 0 then return end
  local left = increase(queue .. ':waiting', round, -1)
  if left == 0 then
    addTo(queue .. ':levels', 'r' .. priority, -1)
    setNumber(queue .. ':turns', round, 0)
  end
  addTo(queue .. ':levels', priority, -1)
  countSignature(queue, signature, -1)
  if signature ~= '' then setScore(queue .. ':round:' .. round, id, false) end
  if isDry(queue, priority, head.lane, left) then leaveRing(queue, signature, round) end
  touch(queue, priority)
end

-- Gives a queue its lanes, in one step for each priority.
local function giveLanes(queue)
  if isLaned(queue) then return end
  flush(queue .. ':ready')
  becomeLaned(queue)
  local _, place = unpack(redis.call('ZRANGE', queue .. ':ready', 0, 0, 'WITHSCORES'))
  while place do
    local priority = priorityOf(place)
    local round, after = priority .. ' ', placesOf(priority - 1)
    local size = redis.call('ZCOUNT', queue .. ':ready', place, '(' .. after)
    setNumber(queue .. ':waiting', round, size)
    addTo(queue .. ':levels', priority, size)
    addTo(queue .. ':levels', 'r' .. priority, 1)
    countSignature(queue, '', size)
    giveTurn(queue, round)
    enterRing(queue, '', round, priority)
    _, place = unpack(redis.call('ZRANGE', queue .. ':ready', after, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES'))
  end
end

-- Sets the place of a task in a queue without lanes; false takes it out.
local function moveInPlain(queue, id, head, place)
  setScore(queue .. ':ready', id, place)
  if metaOf(queue, 'aged') > 0 then touch(queue, priorityOf(head.place)) end
end

-- Adds a ready task to its queue.
function makeReady(queue, id, head)
  if head.lane ~= '' then giveLanes(queue) end
  if isLaned(queue) then queueUp(queue, id, head) else moveInPlain(queue, id, head, head.place) end
end

-- Takes a task out of the ready ones of its queue.
function makeUnready(queue, id, head)
  if isLaned(queue) then stepOut(queue, id, head) else moveInPlain(queue, id, head, false) end
end
