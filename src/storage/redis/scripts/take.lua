--[[ Part of the claim: takes tasks from one queue. `run` has what the claim asks for, and what it has found. ]]

-- Leases a task, or notes that it has expired. Returns whether it was leased.
local function take(q, queue, id, run)
  local fields = fieldsOf(queue, id)
  local head = parse(fields[1])
  head.batch, head.lane = fields[6] or '', fields[7] or ''
  if head.startBy ~= '-' and tonumber(head.startBy) <= tonumber(run.wall) then
    if isLaned(queue) then stepOut(queue, id, head) end
    run.expired[#run.expired + 1] = {q, 0, '', id, unpack(fields, 1, 5)}
    return false
  end
  local grant = run.grantOf(#run.claimed)
  fields[4] = lease(queue, id, head, grant, run.claim, run.wall, run.steady)
  fields[1] = format(head)
  local event = tell(queue, nextEvent(queue), run.channel, run.length, eventOf(queue, id, head, run.instant, grant[4]))
  run.claimed[#run.claimed + 1] = {q, #run.claimed + 1, event, id, unpack(fields, 1, 5)}
  run.left = run.left - 1
  return true
end

local function takeFromLanes(q, queue, limits, run)
  while run.left > 0 and hasRoom(limits, run.steady) and #run.expired < run.passOver do
    local task = choose(queue, run.offer, limits, run.wall)
    if not task then return end
    local rounds = tonumber(redis.call('HGET', queue .. ':levels', 'r' .. task.priority))
    if take(q, queue, task.id, run) then
      spend(queue, limits, run.steady)
      sendBack(queue, task, rounds)
    end
  end
end

local function takePlain(q, queue, limits, run)
  local seen, ids = 0, nil
  repeat
    local isOpen = run.left > 0 and hasRoom(limits, run.steady)
    ids = isOpen and redis.call('ZRANGE', queue .. ':ready', seen, seen + run.left - 1) or {}
    seen = seen + #ids
    for _, id in ipairs(ids) do
      if hasRoom(limits, run.steady) and take(q, queue, id, run) then spend(queue, limits, run.steady) end
    end
  until #ids == 0 or #run.expired >= run.passOver
end
