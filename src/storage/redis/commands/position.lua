-- needs: lanes
--[[ Computes the position of each task: at most that many claims come until a worker gets it.
KEYS[i]  the queue of task i
ARGV     for each task: id, priority, lane
Returns for each task the number of claims, or false when it is not ready. Ends early after much work, so the last tasks
can be missing. ]]
-- Read: all below. This script writes nothing.
-- With ageing, this many lanes are read one by one, and this many priorities. Further ones are counted as a whole.
local MOST_LANES, MOST_LEVELS = 64, 64
-- No further task is begun after this many reads of lanes.
local MOST_LOOKS = 64
local views, looks = {}, 0

-- Reads the priorities of a queue without lanes, up to `MOST_LEVELS`.
local function readPlain(queue, view)
  local from = '-inf'
  for _ = 1, view.ageing and MOST_LEVELS or 0 do
    local first = redis.call('ZRANGE', queue .. ':ready', from, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
    if not first then return end
    local level = priorityOf(first)
    from = placesOf(level - 1)
    view.sizes[tostring(level)] = redis.call('ZCOUNT', queue .. ':ready', placesOf(level), '(' .. from)
    view.rounds[tostring(level)] = {''}
  end
end

-- Reads the ready tasks by priority, the rounds by `r<priority>`, and the lanes when they are few.
local function readLanes(queue, view)
  local levels = redis.call('HGETALL', queue .. ':levels')
  for i = 1, #levels, 2 do
    local level, size = tonumber(levels[i]), tonumber(levels[i + 1])
    view.sizes[levels[i]] = size
    if level then view.levels[level], view.total = size, view.total + size end
  end
  if not view.ageing then return end
  local lanes = redis.call('HLEN', queue .. ':waiting') * redis.call('HLEN', queue .. ':signatures')
  view.isCrowded = lanes > MOST_LANES
  if view.isCrowded then return end
  view.signatures = redis.call('HKEYS', queue .. ':signatures')
  for _, round in ipairs(redis.call('HKEYS', queue .. ':waiting')) do
    local level, name = string.match(round, '^(%S+) (.*)$')
    view.rounds[level] = view.rounds[level] or {}
    table.insert(view.rounds[level], name)
  end
end

-- What is read once for all tasks of a queue.
local function viewOf(queue)
  if views[queue] then return views[queue] end
  local view = {signatures = {''}, sizes = {}, levels = {}, rounds = {}, total = 0, isCrowded = false}
  view.ageing = tonumber(redis.call('HGET', queue .. ':settings', 'priorityAgeing') or nil)
  views[queue] = view
  if isLaned(queue) then
    readLanes(queue, view)
  else
    view.total = redis.call('ZCARD', queue .. ':ready')
    readPlain(queue, view)
  end
  return view
end

-- The key of a lane, the rank at which the tasks of a priority begin, and their number.
local function spanOf(queue, level, lane)
  local key, from = keyOf(queue, level, lane), placesOf(level)
  if isStale(queue, key) then return key, 0, 0 end
  return key, redis.call('ZCOUNT', key, '-inf', '(' .. from), redis.call('ZCOUNT', key, from, '(' .. placesOf(level - 1))
end

-- All tasks age at the same rate, so their order by urgency never changes.
local function urgencyOf(queue, level, id)
  local head = redis.call('HGET', queue .. ':task:' .. id, 'head')
  return level * views[queue].ageing * 1000 - (string.match(head or '', '^%S+ %S+ %S+ %S+ (%S+)') or 0)
end

local function urgencyAt(queue, level, key, rank)
  return urgencyOf(queue, level, redis.call('ZRANGE', key, rank, rank)[1])
end

-- The number of tasks at the front of a lane that are more urgent than `least`, the urgency of a task of `priority`.
local function countAhead(queue, level, lane, least, priority)
  local key, first, size = spanOf(queue, level, lane)
  local function isAhead(at)
    local urgency = urgencyAt(queue, level, key, first + at)
    return urgency > least or urgency == least and level > priority
  end
  looks = looks + 1
  if size == 0 or not isAhead(0) then return 0 end
  if isAhead(size - 1) then return size end
  local low, high = 1, size - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if isAhead(middle) then low = middle + 1 else high = middle end
  end
  return low
end

-- The least urgency among this task and those of its priority that are handed out before it.
local function leastUrgency(queue, id, priority, group, rank)
  local view = views[queue]
  local least = urgencyOf(queue, priority, id)
  for _, other in ipairs(view.rounds[priority] or {}) do
    for _, signature in ipairs(other == group and {} or view.signatures) do
      local key, first, size = spanOf(queue, priority, laneOf(signature, other))
      looks = looks + 1
      if size > 0 then least = math.min(least, urgencyAt(queue, priority, key, first + math.min(rank, size - 1))) end
    end
  end
  return least
end

-- The number of tasks of a round before a place. In a queue of an earlier version, some tasks are in lanes only.
local function rankIn(queue, priority, group, place)
  local function before(key, last)
    return isStale(queue, key) and 0 or redis.call('ZCOUNT', key, placesOf(priority), last)
  end
  local round, plain = queue .. ':round:' .. priority .. ' ' .. group, keyOf(queue, priority, laneOf('', group))
  local all = before(plain, '(' .. placesOf(priority - 1)) + before(round, '+inf')
  if not isLaned(queue) then return before(plain, '(' .. place) end
  if all == tonumber(redis.call('HGET', queue .. ':waiting', priority .. ' ' .. group)) then
    return before(plain, '(' .. place) + before(round, '(' .. place)
  end
  local rank = 0
  for _, signature in ipairs(redis.call('HKEYS', queue .. ':signatures')) do
    rank = rank + before(keyOf(queue, priority, laneOf(signature, group)), '(' .. place)
  end
  return rank
end

-- The number of ready tasks at higher priorities, counted once for all tasks of the call.
local function countAbove(view, priority)
  if not view.above then
    local sum = 0
    view.above = {}
    for level = HIGHEST_PRIORITY, -HIGHEST_PRIORITY, -1 do
      view.above[level] = sum
      sum = sum + (view.levels[level] or 0)
    end
  end
  return view.above[tonumber(priority)]
end

-- With ageing, the number of tasks of other priorities that come first.
local function countAged(queue, view, own, least, priority)
  local ahead, left = 0, view.total - own
  for level, size in pairs(view.sizes) do
    if tonumber(level) and level ~= priority then
      left = left - size
      for _, name in ipairs(view.rounds[level] or {}) do
        for _, signature in ipairs(view.signatures) do
          ahead = ahead + countAhead(queue, tonumber(level), laneOf(signature, name), least, tonumber(priority))
        end
      end
    end
  end
  return ahead + left
end

local function position(queue, id, priority, lane)
  local place = redis.call('ZSCORE', keyOf(queue, priority, lane), id)
  if not place or isStale(queue, keyOf(queue, priority, lane)) then return false end
  local view = viewOf(queue)
  if not isLaned(queue) and not view.ageing then return redis.call('ZRANK', queue .. ':ready', id) + 1 end
  local _, group = partsOf(lane)
  local rank = rankIn(queue, priority, group, place)
  local size = view.sizes[priority] or isLaned(queue) and rank + 1 or select(3, spanOf(queue, priority, ''))
  local own = isLaned(queue) and math.min((rank + 1) * (view.sizes['r' .. priority] or 1), size) or rank + 1
  if not view.ageing then return countAbove(view, priority) + own end
  if view.isCrowded then return own + view.total - size end
  return own + countAged(queue, view, size, leastUrgency(queue, id, priority, group, rank), priority)
end

local results = {}
for i, queue in ipairs(KEYS) do
  if looks > MOST_LOOKS then break end
  results[i] = position(queue, unpack(ARGV, 3 * i - 2, 3 * i))
end
return results
