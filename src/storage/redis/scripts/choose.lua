--[[ Part of the claim: the next task of a queue with lanes. ]]
-- Groups that one step parks or moves, and rounds that it looks at before it ends with a task.
local SETTLED, LOOKS = 150, 300

-- Notes the first task of each priority in the ring of a signature that is before those in `found`; without ageing, of
-- the highest only. Groups that are full are parked on the way, and rounds that have had their turn meanwhile are moved:
-- when these are many the step ends, and the next one goes on.
local function look(queue, signature, limits, found, run)
  local from = '-inf'
  while from do
    local round, score = nextRound(queue, signature, from, run)
    if run.settled >= SETTLED then run.isCut = true end
    if not round or run.isCut then return end
    run.looks = run.looks + 1
    local level, group = string.match(round, '^(%S+) (.*)$')
    local lane, priority, turn = laneOf(signature, group), tonumber(level), tonumber(score)
    if limits.group and group ~= '' and numberOf(queue .. ':active', group) >= limits.group then
      park(queue, signature, round, level, group)
      run.settled = run.settled + 1
    elseif turn ~= placesOf(priority) + numberOf(queue .. ':turns', round) then
      enterRing(queue, signature, round, priority)
      run.settled = run.settled + 1
    else
      local id, place = oldest(queue, priority, lane)
      local best = found[priority]
      -- Nothing is ready here, whatever the ring says.
      if not id then leaveRing(queue, signature, round)
      elseif not best or turn < best.turn or turn == best.turn and tonumber(place) < best.place then
        found[priority] = {id = id, place = tonumber(place), turn = turn, round = round, priority = priority, lane = lane,
          signature = signature}
      end
      if id then from = limits.ageing and placesOf(priority - 1) end
    end
  end
end

-- The signatures that the worker satisfies.
local function offeredOf(queue, run)
  local known, list = signaturesOf(queue), run.signatures[queue]
  if list then return list end
  if known.isMany then
    list = madeOf(queue, run.pairs)
  else
    list = {}
    for _, signature in ipairs(known) do
      if satisfies(run.offer, signature) then list[#list + 1] = signature end
    end
  end
  run.signatures[queue] = list
  return list
end

-- Returns the task as its id, round, priority and signature; nil when there is none for this worker, or the step is cut.
local function choose(queue, limits, run)
  local found, best, most = {}, nil, nil
  for _, signature in ipairs(offeredOf(queue, run)) do look(queue, signature, limits, found, run) end
  if run.isCut then return nil end
  for priority, task in pairs(found) do
    -- All tasks age alike, so the order of two of them never changes. One without a record is in the way of none.
    local head = limits.ageing and read(queue, task.id)
    local value = head and priority * limits.ageing * 1000 - head.created or limits.ageing and math.huge or priority
    if not best or value > most or value == most and priority > best.priority then best, most = task, value end
  end
  return best
end
