-- needs: ages, clears, lanes, signatures, writes
-- gives: freshRing, leaveRing, enterRing, giveTurn, sendBack
--[[ Part of every script that writes: whose turn it is.
<queue>:turns             hash  turns by round, of those that have something ready
<queue>:ring:<signature>  zset  rounds by priority, then turn; those without anything ready leave it with its last one.
A round may have had later turns since: a claim that meets it moves it to its turn, so that a turn need not be written to
each ring of the round. ]]
local function ringOf(queue, signature) return queue .. ':ring:' .. signature end

-- The ring, without what a clear has left in it: turns only grow, so a ring in which one is older has none that is not.
function freshRing(queue, signature)
  local ring, turn = ringOf(queue, signature), clearedTurn(queue)
  if not turn or fresh[ring] then return ring end
  fresh[ring] = true
  local score = redis.call('ZRANGE', ring, 0, 0, 'WITHSCORES')[2]
  if score and tonumber(score) - placesOf(priorityOf(score)) <= turn then redis.call('UNLINK', ring) end
  return ring
end

function leaveRing(queue, signature, round)
  setScore(ringOf(queue, signature), round, false)
  touch(queue, string.match(round, '^%S+'))
end

-- Puts a round into a ring, or moves it there: to its turn. One without a turn has nothing ready.
function enterRing(queue, signature, round, priority)
  local turn = numberOf(queue .. ':turns', round)
  if turn == 0 then return leaveRing(queue, signature, round) end
  setScore(freshRing(queue, signature), round, string.format('%d', placesOf(priority) + turn))
  touch(queue, priority)
end

local function isInRing(queue, signature, round)
  local ring = freshRing(queue, signature)
  local score = pendingScore(ring, round)
  if score == nil then score = redis.call('ZSCORE', ring, round) end
  return score
end

-- A new turn, at the end.
function giveTurn(queue, round) setNumber(queue .. ':turns', round, increaseMeta(queue, 'turn', 1)) end

-- Sends the group of a task that was handed out to the end of the round.
function sendBack(queue, task)
  if numberOf(queue .. ':waiting', task.round) == 0 then return end
  giveTurn(queue, task.round)
  if isOnlyOne(queue) or isInRing(queue, task.signature, task.round) then
    enterRing(queue, task.signature, task.round, task.priority)
  end
end
