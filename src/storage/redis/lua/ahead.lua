-- needs: counters, lanes, notes, rings
-- gives: nextRound
--[[ Part of the claim: the rounds of a ring in their order. Some are read at once: a group that is sent back goes behind
all others of its priority, so those that were read stay the next ones until they are noted themselves. ]]
local ahead = {}

-- Reads at most so many rounds of one priority, and what a claim asks of them.
local function readAhead(queue, ring, from, most)
  local list, rounds, groups = {at = 1}, {}, {}
  local rows = redis.call('ZRANGE', ring, from, '+inf', 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
  for i = 1, #rows, 2 do
    if priorityOf(rows[i + 1]) ~= priorityOf(rows[2]) then break end
    list[#list + 1] = {rows[i], rows[i + 1]}
    rounds[#rounds + 1], groups[#groups + 1] = rows[i], string.match(rows[i], ' (.*)$')
  end
  if #rounds == 0 then return list end
  warm(queue .. ':waiting', rounds)
  warm(queue .. ':turns', rounds)
  warm(queue .. ':active', groups)
  return list
end

-- The first round from a place on and its score; nil when there is none.
function nextRound(queue, signature, from, run)
  local ring = freshRing(queue, signature)
  local list = ahead[ring] and ahead[ring][from] or {at = 1}
  while list[list.at] and noted(ring, list[list.at][1]) ~= nil do list.at = list.at + 1 end
  if not list[list.at] then
    if hasNotes(ring) then
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
