--[[ Part of every script that writes: whose turn it is.
<queue>:turns             hash  turns by round, of those that have something ready
<queue>:ring:<signature>  zset  rounds by priority, then turn; those without anything ready leave it with its last one ]]
local function ringOf(queue, signature) return queue .. ':ring:' .. signature end

local function enterRing(queue, signature, priority, group)
  local round = priority .. ' ' .. group
  local turn = redis.call('HGET', queue .. ':turns', round)
  redis.call('ZADD', ringOf(queue, signature), string.format('%.0f', placesOf(priority) + turn), round)
end

-- A new turn, at the end.
local function giveTurn(queue, round)
  local turn = redis.call('HINCRBY', queue .. ':meta', 'turn', 1)
  redis.call('HSET', queue .. ':turns', round, turn)
  return turn
end

-- Counts one less, returns what is left.
local function less(hash, field)
  local left = redis.call('HINCRBY', hash, field, -1)
  if left <= 0 then redis.call('HDEL', hash, field) end
  return left
end

-- How many tasks were left of rounds when one was taken out.
local waitingOf = {}

-- Sends the group of a task that was handed out to the end of the round.
local function sendBack(queue, task, signatures)
  if waitingOf[queue .. ' ' .. task.round] == 0 then return end
  local turn = placesOf(task.priority) + giveTurn(queue, task.round)
  for _, signature in ipairs(signatures) do
    redis.call('ZADD', ringOf(queue, signature), 'XX', string.format('%.0f', turn), task.round)
  end
end
