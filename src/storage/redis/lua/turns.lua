-- needs: lanes, limits, parking, rings, signatures, writes
-- gives: LOOKS, firstIn, firstOfTwo, offeredOf, choose
--[[ Part of the claim: the next task of a queue with lanes. Some rounds of a ring are read ahead. A group that is sent back
goes behind all others of its priority, so the rounds read ahead stay the next ones until they have pending writes. ]]
local ahead = {}

-- Reads up to `most` rounds of one priority, with the numbers that a claim needs.
local function readAhead(queue, ring, from, most)
  local list, rounds, groups = {at = 1}, {}, {}
  local rows = redis.call('ZRANGE', ring, from, '+inf', 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
  for i = 1, #rows, 2 do
    if priorityOf(rows[i + 1]) ~= priorityOf(rows[2]) then break end
    list[#list + 1] = {rows[i], rows[i + 1]}
    rounds[#rounds + 1], groups[#groups + 1] = rows[i], string.match(rows[i], ' (.*)$')
  end
  if #rounds == 0 then return list end
  readNumbers(queue .. ':waiting', rounds)
  readNumbers(queue .. ':turns', rounds)
  readNumbers(queue .. ':active', groups)
  return list
end

-- The first round of a ring from a place on, and its score; nil when there is none.
local function nextRound(queue, signature, from, run)
  local ring = freshRing(queue, signature)
  local list = ahead[ring] and ahead[ring][from] or {at = 1}
  while list[list.at] and pendingScore(ring, list[list.at][1]) ~= nil do list.at = list.at + 1 end
  if not list[list.at] then
    if hasPending(ring) then
      flush(ring)
      ahead[ring] = nil
    end
    ahead[ring] = ahead[ring] or {}
    list = readAhead(queue, ring, from, run.ahead)
    run.ahead = math.min(math.max(run.ahead * 2, 2), 64)
    ahead[ring][from] = list
  end
  return unpack(list[list.at] or {})
end

-- One step parks or moves up to `SETTLED` groups. It ends with a task after `LOOKS` rounds.
local SETTLED = 120
LOOKS = 300

-- The next task in the ring of a signature, of the highest priority or of `level`; nil when there is none, or when the
-- step is cut. Parks full groups on the way, and moves rounds that had a later turn. The step is cut when these are many.
function firstIn(queue, signature, limits, run, level)
  local from = level and placesOf(level) or '-inf'
  while true do
    local round, score = nextRound(queue, signature, from, run)
    if run.settled >= SETTLED then run.isCut = true end
    if not round or run.isCut or level and priorityOf(score) ~= level then return nil end
    run.looks = run.looks + 1
    local text, group = string.match(round, '^(%S+) (.*)$')
    local lane, priority, turn = laneOf(signature, group), tonumber(text), tonumber(score)
    if limits.group and group ~= '' and numberOf(queue .. ':active', group) >= limits.group then
      park(queue, signature, round, text, group)
      run.settled = run.settled + 1
    elseif turn ~= placesOf(priority) + numberOf(queue .. ':turns', round) then
      enterRing(queue, signature, round, priority)
      run.settled = run.settled + 1
    else
      local id, place = oldest(queue, priority, lane)
      if id then
        return {id = id, place = tonumber(place), turn = turn, round = round, priority = priority, lane = lane,
          group = group, signature = signature}
      end
      -- The ring has a round without ready tasks.
      leaveRing(queue, signature, round)
      run.settled = run.settled + 1
    end
  end
end

-- The first of two tasks by priority, turn and place. Either can be nil.
function firstOfTwo(one, other)
  if not one or not other then return one or other end
  if one.priority ~= other.priority then return one.priority > other.priority and one or other end
  if one.turn ~= other.turn then return one.turn < other.turn and one or other end
  return one.place <= other.place and one or other
end

-- The signatures of ready tasks that the worker satisfies.
function offeredOf(queue, run)
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

-- The next task for this worker, with its id, round, priority and signature; nil when there is none, or when the step is
-- cut.
function choose(queue, limits, run)
  local best = nil
  for _, signature in ipairs(offeredOf(queue, run)) do
    best = firstOfTwo(best, firstIn(queue, signature, limits, run))
  end
  return not run.isCut and best or nil
end
