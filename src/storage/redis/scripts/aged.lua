--[[ Part of the claim: the way through a queue where waiting counts as priority. ]]
-- Priorities whose next tasks one step looks for, before it takes any.
local LEVELS = 64

-- The next task of a priority, as its id, priority, signature, and in a queue with lanes its round; nil when there is none.
local function firstOf(queue, priority, run)
  local task = {priority = priority, signature = ''}
  if not isLaned(queue) then
    flush(queue .. ':ready')
    task.id = oldest(queue, priority, '')
    return task.id and task
  end
  local from = placesOf(priority)
  while true do
    local round, score = nextRound(queue, '', from, run)
    if not round or priorityOf(score) ~= priority then return nil end
    if tonumber(score) == placesOf(priority) + numberOf(queue .. ':turns', round) then
      task.round, task.lane = round, laneOf('', string.match(round, ' (.*)$'))
      task.id, task.place = oldest(queue, priority, task.lane)
      if task.id then return task end
      -- Nothing is ready here, whatever the ring says.
      leaveRing(queue, '', round)
    else
      enterRing(queue, '', round, priority)
    end
    run.settled = run.settled + 1
  end
end

-- Notes how urgent the next task of a priority is.
local function refresh(queue, priority, run)
  local task = firstOf(queue, priority, run)
  if task then
    -- One without a record is in the way of none: it is met first, and taken out.
    local head = read(queue, task.id)
    local urgency = head and head.created - priority * numberOf(queue .. ':meta', 'aged') or -math.huge
    redis.call('ZADD', queue .. ':ages', string.format('%.17g', urgency), priority)
  else
    redis.call('ZREM', queue .. ':ages', priority)
  end
  redis.call('SREM', queue .. ':stale', priority)
  if staleIn[queue] then staleIn[queue][priority] = nil end
  run.firsts[priority], run.refreshed = task, run.refreshed + 1
  return task
end

-- Puts in some of the priorities that were not seen yet.
local function goOn(queue, run)
  local index, from = isLaned(queue) and ringOf(queue, '') or queue .. ':ready', redis.call('GET', queue .. ':aging')
  if not from then return end
  flush(index)
  for _ = 1, LEVELS do
    local place = redis.call('ZRANGE', index, from, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
    if not place then
      redis.call('DEL', queue .. ':aging')
      return
    end
    refresh(queue, priorityOf(place), run)
    from = placesOf(priorityOf(place) - 1)
  end
  redis.call('SET', queue .. ':aging', from)
  run.isCut = true
end

-- Brings the priorities up to date, or some of them, and then the step is cut.
local function readyAges(queue, limits, run)
  run.firsts, run.refreshed = {}, 0
  if metaOf(queue, 'aged') ~= limits.ageing * 1000 then
    put(queue .. ':meta', 'aged', limits.ageing * 1000)
    redis.call('DEL', queue .. ':ages', queue .. ':stale')
    redis.call('SET', queue .. ':aging', '-inf')
  end
  goOn(queue, run)
  if run.isCut then return end
  local stale = redis.call('SRANDMEMBER', queue .. ':stale', LEVELS)
  for _, priority in ipairs(stale) do refresh(queue, tonumber(priority), run) end
  run.isCut = run.refreshed >= LEVELS / 2
end

-- Of two that are as urgent, the higher one.
local function mostUrgent(queue)
  local first = redis.call('ZRANGE', queue .. ':ages', 0, 0, 'WITHSCORES')
  if not first[1] then return nil end
  local best = tonumber(first[1])
  for _, priority in ipairs(redis.call('ZRANGE', queue .. ':ages', first[2], first[2], 'BYSCORE')) do
    best = math.max(best, tonumber(priority))
  end
  return best
end

local function takeAged(queue, limits, run)
  readyAges(queue, limits, run)
  while run.left > 0 and not run.isCut and hasRoom(limits, run.steady) and #run.expired + #dangling < run.passOver do
    local priority = mostUrgent(queue)
    if not priority then return end
    local task = run.firsts[priority] or refresh(queue, priority, run)
    if take(queue, task.id, run, task.round and task) then
      spend(queue, limits, run.steady)
      if task.round then sendBack(queue, task) end
    elseif not task.round then
      note(queue .. ':ready', task.id, false)
    end
    refresh(queue, priority, run)
    run.isCut = run.settled >= SETTLED
  end
end

-- Whether a claim can go this way: groups at their limit and requirements need the other one.
local function isAged(queue, limits, run)
  if not limits.ageing or not isLaned(queue) then return limits.ageing end
  if limits.group then return false end
  for _, signature in ipairs(offeredOf(queue, run)) do
    if signature ~= '' then return false end
  end
  return true
end
