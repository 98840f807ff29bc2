--[[ Says after how many claims a task is handed out at the latest.
KEYS[1]  the queue
ARGV[1]  id   ARGV[2] priority   ARGV[3] lane
Returns the number, or false when the task is not ready. ]]
local queue, id, priority, lane = KEYS[1], unpack(ARGV)
local ageing = tonumber(redis.call('HGET', queue .. ':settings', 'priorityAgeing') or nil)
-- With ageing: lanes that are looked at one by one, and levels that are looked through; what is beyond is counted whole.
local MOST_LANES, MOST_LEVELS = 64, 64
local place = redis.call('ZSCORE', keyOf(queue, priority, lane), id)
if not place then return false end
local _, group = partsOf(lane)
local signatures, sizes, rounds = {''}, {}, {}

-- Of a plain queue too, as far as it is looked through.
local function readLevels()
  if isLaned(queue) then
    signatures = redis.call('HKEYS', queue .. ':signatures')
    local levels = redis.call('HGETALL', queue .. ':levels')
    for i = 1, #levels, 2 do sizes[levels[i]] = tonumber(levels[i + 1]) end
    return
  end
  local from = '-inf'
  for _ = 1, ageing and MOST_LEVELS or 0 do
    local first = redis.call('ZRANGE', queue .. ':ready', from, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
    if not first then break end
    local level = priorityOf(first)
    from = placesOf(level - 1)
    sizes[tostring(level)] = redis.call('ZCOUNT', queue .. ':ready', placesOf(level), '(' .. from)
  end
end

-- Where the tasks of a priority begin in a lane, and how many there are.
local function spanOf(level, name)
  local key, from = keyOf(queue, level, name), placesOf(level)
  return key, redis.call('ZCOUNT', key, '-inf', '(' .. from), redis.call('ZCOUNT', key, from, '(' .. placesOf(level - 1))
end

-- All tasks age alike: what is more urgent now is so at any time.
local function urgencyOf(level, task)
  local head = redis.call('HGET', queue .. ':task:' .. task, 'head')
  return level * ageing * 1000 - (string.match(head or '', '^%S+ %S+ %S+ %S+ (%S+)') or 0)
end

local function urgencyAt(level, key, rank) return urgencyOf(level, redis.call('ZRANGE', key, rank, rank)[1]) end

-- How many of the first tasks of a lane are more urgent than `least`.
local function countAhead(level, name, least)
  local key, first, size = spanOf(level, name)
  local function isAhead(at)
    local urgency = urgencyAt(level, key, first + at)
    return urgency > least or urgency == least and level > tonumber(priority)
  end
  if size == 0 or not isAhead(0) then return 0 end
  if isAhead(size - 1) then return size end
  local low, high = 1, size - 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if isAhead(middle) then low = middle + 1 else high = middle end
  end
  return low
end

-- The least urgency among the tasks that are handed out before this one in its level, itself included.
local function leastUrgency(rank)
  local least = urgencyOf(priority, id)
  for _, other in ipairs(rounds[priority] or {}) do
    for _, signature in ipairs(other == group and {} or signatures) do
      local key, first, size = spanOf(priority, laneOf(signature, other))
      if size > 0 then least = math.min(least, urgencyAt(priority, key, first + math.min(rank, size - 1))) end
    end
  end
  return least
end

readLevels()
local rank, own, ahead, total = 0, nil, 0, 0
for _, signature in ipairs(signatures) do
  local key = keyOf(queue, priority, laneOf(signature, group))
  rank = rank + redis.call('ZCOUNT', key, placesOf(priority), '(' .. place)
end
if isLaned(queue) then
  sizes[priority] = sizes[priority] or rank + 1
  own = math.min((rank + 1) * (sizes['r' .. priority] or 1), sizes[priority])
  for level, size in pairs(sizes) do
    if tonumber(level) then total = total + size end
    if not ageing and tonumber(level) and tonumber(level) > tonumber(priority) then ahead = ahead + size end
  end
else
  own, total = rank + 1, redis.call('ZCARD', queue .. ':ready')
  if not ageing then return redis.call('ZCOUNT', queue .. ':ready', '-inf', '(' .. place) + 1 end
  sizes[priority] = select(3, spanOf(priority, ''))
end
if not ageing then return ahead + own end

local levels, lanes = {}, 0
if isLaned(queue) then
  lanes = redis.call('HLEN', queue .. ':waiting') * #signatures
  for _, round in ipairs(lanes <= MOST_LANES and redis.call('HKEYS', queue .. ':waiting') or {}) do
    local level, name = string.match(round, '^(%S+) (.*)$')
    rounds[level] = rounds[level] or {}
    table.insert(rounds[level], name)
  end
end
if lanes > MOST_LANES then return own + total - sizes[priority] end
local least, left = leastUrgency(rank), total
for level, size in pairs(sizes) do
  if tonumber(level) then
    left = left - size
    if level ~= priority then
      for _, name in ipairs(isLaned(queue) and rounds[level] or {''}) do
        for _, signature in ipairs(signatures) do
          ahead = ahead + countAhead(tonumber(level), laneOf(signature, name), least)
        end
      end
    end
  end
end
return own + ahead + left
