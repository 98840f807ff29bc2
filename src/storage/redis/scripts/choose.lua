--[[ Part of the claim: the next task of a queue with lanes. ]]

-- Notes the first task of each priority in the ring of a signature that is before those in `found`; without ageing, of
-- the highest only. Groups that are full are parked on the way.
local function look(queue, signature, limits, found, most)
  local from = '-inf'
  while from do
    local round, score = nextRound(queue, signature, from, most)
    if not round then return end
    local level, group = string.match(round, '^(%S+) (.*)$')
    local lane, priority, turn = laneOf(signature, group), tonumber(level), tonumber(score)
    if limits.group and group ~= '' and numberOf(queue .. ':active', group) >= limits.group then
      park(queue, signature, round, level, group)
    else
      local id, place = oldest(queue, priority, lane)
      local best = found[priority]
      -- Nothing is ready here, whatever the ring says.
      if not id then leaveRing(queue, signature, round)
      elseif not best or turn < best.turn or turn == best.turn and tonumber(place) < best.place then
        found[priority] = {id = id, place = tonumber(place), turn = turn, round = round, priority = priority, lane = lane}
      end
      if id then from = limits.ageing and placesOf(priority - 1) end
    end
  end
end

-- Returns the task as its id, round and priority; nil when there is none for this worker.
local function choose(queue, limits, run)
  local found, best, most = {}, nil, nil
  for _, signature in ipairs(signaturesOf(queue)) do
    if satisfies(run.offer, signature) then look(queue, signature, limits, found, run.left) end
  end
  for priority, task in pairs(found) do
    -- All tasks age alike, so the order of two of them never changes. One without a record is in the way of none.
    local head = limits.ageing and read(queue, task.id)
    local value = head and priority * limits.ageing * 1000 - head.created or limits.ageing and math.huge or priority
    if not best or value > most or value == most and priority > best.priority then best, most = task, value end
  end
  return best
end
