-- needs: ages, clears, lanes, signatures, writes
-- gives: freshRing, leaveRing, enterRing, giveTurn, sendBack
--[[ Part of every script that writes: the turns of groups.
<queue>:turns             hash  turns by round, of rounds with ready tasks
<queue>:ring:<signature>  zset  rounds by priority, then turn. A round leaves it with its last ready task of the signature
A round can have had a later turn since: a claim that meets it moves it to that turn. So a new turn is not written to each
ring of the round. ]]
local function ringOf(queue, signature) return queue .. ':ring:' .. signature end

-- The key of a ring, freed of what a clear has left. Turns only grow: if the first turn is older than the clear, all are.
function freshRing(queue, signature)
  local ring, turn = ringOf(queue, signature), clearedTurn(queue)
  if not turn or fresh[ring] then return ring end
  fresh[ring] = true
  local score = redis.call('ZRANGE', ring, 0, 0, 'WITHSCORES')[2]
  if score and tonumber(score) - placesOf(priorityOf(score)) <= turn then redis.call('UNLINK', ring) end
  return ring
end

-- Takes a round out of the ring of a signature.
function leaveRing(queue, signature, round)
  setScore(ringOf(queue, signature), round, false)
  touch(queue, string.match(round, '^%S+'))
end

-- Puts a round into a ring at its turn, or moves it there. A round without a turn has no ready task and leaves the ring.
function enterRing(queue, signature, round, priority)
  local turn = numberOf(queue .. ':turns', round)
  if turn == 0 then return leaveRing(queue, signature, round) end
  setScore(freshRing(queue, signature), round, string.format('%d', placesOf(priority) + turn))
  touch(queue, priority)
end

-- The score of a round in a ring; nil or false when it is not there.
local function isInRing(queue, signature, round)
  local ring = freshRing(queue, signature)
  local score = pendingScore(ring, round)
  if score == nil then score = redis.call('ZSCORE', ring, round) end
  return score
end

-- Gives a round a new turn, behind all others.
function giveTurn(queue, round) setNumber(queue .. ':turns', round, increaseMeta(queue, 'turn', 1)) end

-- Moves the group of a task that was handed out behind the other groups of its priority.
function sendBack(queue, task)
  if numberOf(queue .. ':waiting', task.round) == 0 then return end
  giveTurn(queue, task.round)
  if isOnlyOne(queue) or isInRing(queue, task.signature, task.round) then
    enterRing(queue, task.signature, task.round, task.priority)
  end
end
