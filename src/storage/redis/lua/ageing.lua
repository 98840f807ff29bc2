-- needs: ages, index, lanes, leasing, limits, record, rings, turns, writes
-- gives: takeAged
--[[ Part of the claim: takes tasks from a queue where waiting counts as priority (`priority_ageing`). ]]
-- Priorities of which one step looks for the next task before it takes any.
local LEVELS = 28
-- Priorities of which one step looks for the next task again after it took one.
local REFRESHES = 40
-- Entries of `heads` that one step reads when a group has become full.
local HEADS = 4000

-- The signatures that the worker satisfies; the empty one for a queue without lanes.
local function agedOf(queue, run) return isLaned(queue) and offeredOf(queue, run) or {''} end

-- The next task of a priority and a signature; nil when there is none, or when the step is cut.
local function firstOf(queue, signature, priority, limits, run)
  if isLaned(queue) then
    -- One task of each priority is enough.
    run.ahead = 2
    ignoreTouches(true)
    local task = firstIn(queue, signature, limits, run, priority)
    ignoreTouches(false)
    return task
  end
  flush(queue .. ':ready')
  local id = oldest(queue, priority, '')
  return id and {id = id, priority = priority, signature = '', group = '', turn = 0, place = 0}
end

-- The urgency of a task: the lower, the more urgent. A task without a record comes first, so that it is taken out.
local function urgencyOf(queue, task)
  local head = read(queue, task.id)
  return head and head.created - task.priority * metaOf(queue, 'aged') / 2 or -math.huge
end

-- Updates the urgency of the next task of a priority. With a group limit, also notes its group.
local function refresh(queue, signature, priority, limits, run)
  local task = firstOf(queue, signature, priority, limits, run)
  if run.isCut then return end
  run.refreshed = run.refreshed + 1
  local head = priority .. ' ' .. signature
  if task then
    redis.call('ZADD', agesOf(queue, signature), string.format('%.17g', urgencyOf(queue, task)), priority)
  else
    redis.call('ZREM', agesOf(queue, signature), priority)
  end
  if not limits.group then return end
  if task and task.group ~= '' then redis.call('HSET', queue .. ':heads', head, task.group)
  else redis.call('HDEL', queue .. ':heads', head) end
  if run.heads then run.heads[head] = task and task.group end
end

-- Adds some of the priorities that no claim has read yet, and cuts the step.
local function goOn(queue, signature, limits, run)
  local index, from = isLaned(queue) and freshRing(queue, signature) or queue .. ':ready', nil
  from = redis.call('GET', agingOf(queue, signature))
  if not from then return end
  flush(index)
  for _ = 1, LEVELS do
    local place = redis.call('ZRANGE', index, from, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
    if not place then
      redis.call('DEL', agingOf(queue, signature))
      return
    end
    refresh(queue, signature, priorityOf(place), limits, run)
    if run.isCut then break end
    from = placesOf(priorityOf(place) - 1)
  end
  redis.call('SET', agingOf(queue, signature), from)
  run.isCut = true
end

-- Updates the ages of a signature. Cuts the step after some of them.
local function readyAges(queue, signature, limits, run)
  local aged = queue .. ':aged'
  if numberOf(aged, signature) == 0 then
    redis.call('DEL', agesOf(queue, signature))
    redis.call('SET', agingOf(queue, signature), '-inf')
    -- Later changes are in `touched`.
    setNumber(aged, signature, increaseMeta(queue, 'touch', 1))
  end
  goOn(queue, signature, limits, run)
  if run.isCut then return end
  flush(queue .. ':touched')
  local rows = redis.call('ZRANGE', queue .. ':touched', '(' .. string.format('%d', numberOf(aged, signature)), '+inf',
    'BYSCORE', 'LIMIT', 0, LEVELS, 'WITHSCORES')
  for i = 1, #rows, 2 do
    refresh(queue, signature, tonumber(rows[i]), limits, run)
    if run.isCut then return end
    setNumber(aged, signature, tonumber(rows[i + 1]))
  end
  run.isCut = run.refreshed >= LEVELS / 2
end

-- Discards ages that were computed with other settings: the worth of waiting, and the limit of groups.
local function readySettings(queue, limits)
  local worth = limits.ageing * 2000
  local wanted = worth .. ' ' .. (limits.group or '-')
  -- A process of an earlier version sets `stale` instead of `touched`.
  local isOld = redis.call('DEL', queue .. ':stale') == 1 or metaOf(queue, 'aged') ~= worth
  if redis.call('HGET', queue .. ':aged', ' ') == wanted and not isOld then return end
  discardAges(queue)
  redis.call('HSET', queue .. ':aged', ' ', wanted)
  setNumber(queue .. ':meta', 'aged', worth)
end

-- The next task of a priority for this worker; nil when there is none, or when the step is cut.
local function nextAt(queue, priority, limits, run)
  local best = nil
  for _, signature in ipairs(agedOf(queue, run)) do
    best = firstOfTwo(best, firstOf(queue, signature, priority, limits, run))
  end
  return not run.isCut and best or nil
end

-- The lowest age above `above`, as text, and the priorities that have it, the highest first.
local function nextAges(queue, above, run)
  local lowest, found, levels = nil, {}, {}
  run.looks = run.looks + #agedOf(queue, run)
  for _, signature in ipairs(agedOf(queue, run)) do
    local age = redis.call('ZRANGE', agesOf(queue, signature), above, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
    if age and (not lowest or tonumber(age) < tonumber(lowest)) then lowest = age end
  end
  for _, signature in ipairs(lowest and agedOf(queue, run) or {}) do
    for _, level in ipairs(redis.call('ZRANGE', agesOf(queue, signature), lowest, lowest, 'BYSCORE')) do
      if not found[level] then
        found[level], levels[#levels + 1] = true, tonumber(level)
      end
    end
  end
  table.sort(levels, function(one, other) return one > other end)
  return lowest, levels
end

-- The most urgent task; of two equally urgent ones, the one of the higher priority. The ages bound the urgency: turns
-- decide which signature of a priority is next, so its next task is at most as urgent as the lowest age of the priority.
local function mostUrgent(queue, limits, run)
  local best, seen, above = nil, {}, '-inf'
  while true do
    local age, levels = nextAges(queue, above, run)
    if not age or best and best.urgency < tonumber(age) then return best end
    for _, priority in ipairs(levels) do
      if best and best.urgency == tonumber(age) and best.priority > priority then break end
      local task = not seen[priority] and nextAt(queue, priority, limits, run)
      if run.isCut then return nil end
      seen[priority] = true
      if task then
        task.urgency = urgencyOf(queue, task)
        local isBetter = not best or task.urgency < best.urgency
        if isBetter or task.urgency == best.urgency and priority > best.priority then best = task end
      end
    end
    above = '(' .. age
  end
end

-- When the group of this task has become full, its priorities have another next task.
local function passFull(queue, task, limits, run)
  if not limits.group or task.group == '' then return end
  if numberOf(queue .. ':active', task.group) < limits.group then return end
  if not run.heads and redis.call('HLEN', queue .. ':heads') > HEADS then
    discardAges(queue)
    run.isCut = true
    return
  end
  if not run.heads then
    run.heads = {}
    local rows = redis.call('HGETALL', queue .. ':heads')
    for i = 1, #rows, 2 do run.heads[rows[i]] = rows[i + 1] end
  end
  for head, group in pairs(run.heads) do
    if group == task.group then
      local priority = tonumber(string.match(head, '^%S+'))
      touch(queue, priority)
      run.full[priority] = true
    end
  end
end

-- Refreshes the priorities that have another next task now. The rest stays in `touched` for the next step.
local function refreshSome(queue, limits, run)
  for priority in pairs(run.full) do
    for _, signature in ipairs(agedOf(queue, run)) do
      run.isCut = run.isCut or run.refreshed >= REFRESHES
      if not run.isCut then refresh(queue, signature, priority, limits, run) end
    end
  end
  run.full = {}
end

-- Takes the most urgent tasks while limits, the room and the step allow it. Cuts the step when work is left.
function takeAged(queue, limits, run)
  run.refreshed, run.heads, run.full = 0, nil, {}
  readySettings(queue, limits)
  for _, signature in ipairs(agedOf(queue, run)) do
    if not run.isCut then readyAges(queue, signature, limits, run) end
  end
  -- Changes by this step are noted again.
  touchAnew(queue)
  while run.left > 0 and not run.isCut and hasRoom(limits, run.steady) and #run.expired + #dangling < run.passOver do
    local task = mostUrgent(queue, limits, run)
    if not task then break end
    if take(queue, task.id, run, task.round and task) then
      spendLimits(queue, limits, run.steady)
      if task.round then sendBack(queue, task) end
      passFull(queue, task, limits, run)
    elseif not task.round then
      setScore(queue .. ':ready', task.id, false)
    end
    run.full[task.priority] = true
    refreshSome(queue, limits, run)
    run.isCut = run.isCut or run.looks >= LOOKS / 2
  end
  if run.isCut then return end
  -- This step refreshed all that it touched.
  for _, signature in ipairs(agedOf(queue, run)) do setNumber(queue .. ':aged', signature, metaOf(queue, 'touch')) end
end
