-- needs: ages, clears, index, parking, record, removal, writes
--[[ Clears queues. What is little is removed at once; the rest is taken out of sight by a mark, and `reclaim.lua` removes it.
KEYS     queues
ARGV[1]  milliseconds for which a late insert with the nonce of a removed task is refused
ARGV[2]  how many tasks are removed at once   ARGV[3] how many marks a queue may have   ARGV the states
Returns for each queue how many tasks a mark has taken, or -1 when it was left alone: with so many marks, or when groups
that a setting has let go have to be put back first. Then the tasks that were removed, each as number of the queue, id and
nonce, and the entries without a record, as queue and id. ]]
local SHARED = 3
local fence, left, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local results, gone, takesQueued = {}, {}, false
for s = SHARED + 1, #ARGV do takesQueued = takesQueued or ARGV[s] == 'queued' end

local function indexOf(queue, state) return queue .. ':state:' .. state end

local function removeAll(q, queue)
  for s = SHARED + 1, #ARGV do
    for _, id in ipairs(redis.call('ZRANGE', indexOf(queue, ARGV[s]), 0, -1)) do
      local head = read(queue, id)
      if head then
        removeTask(queue, id, head, fence)
        gone[#gone + 1] = {q, id, head.nonce}
      else
        dropDangling(queue, id)
      end
    end
  end
  return 0
end

-- Drops each index of deadlines in which no task is left that can be seen.
local function dropDeadlines(queue)
  local isUsed = {}
  for state, index in pairs(DEADLINES) do
    isUsed[index] = isUsed[index] or redis.call('EXISTS', indexOf(queue, state)) == 1
  end
  for index, isNeeded in pairs(isUsed) do
    if not isNeeded then redis.call('UNLINK', queue .. index) end
  end
  if not isUsed[':ended'] then setNumber(queue .. ':meta', 'endedBytes', 0) end
end

-- Lanes, rounds and rings stay as they are until a script visits one, see `freshen`.
local function dropWaiting(queue)
  for _, key in ipairs({'ready', 'waiting', 'turns', 'levels', 'signatures', 'prefixes', 'parked', 'loosened'}) do
    redis.call('UNLINK', queue .. ':' .. key)
  end
  discardAges(queue)
  redis.call('HDEL', queue .. ':settings', 'loosened')
end

-- Every group has room now.
local function dropActive(queue)
  redis.call('UNLINK', queue .. ':active')
  if redis.call('EXISTS', queue .. ':parked') == 0 then return end
  redis.call('RENAME', queue .. ':parked', queue .. ':loosened')
  redis.call('HSET', queue .. ':settings', 'loosened', 1)
end

local function mark(queue)
  local turn, number = metaOf(queue, 'turn'), string.format('%d', increase(queue .. ':meta', 'clears', 1))
  local taken, states, size = {}, {}, 0
  for s = SHARED + 1, #ARGV do
    local state, index = ARGV[s], indexOf(queue, ARGV[s])
    local length = redis.call('ZCARD', index)
    if length > 0 then
      redis.call('RENAME', index, clearedIndex(queue, number, state))
      size, taken[state], states[#states + 1] = size + length, true, state
    end
  end
  dropDeadlines(queue)
  if taken.queued then dropWaiting(queue) end
  if taken.processing then dropActive(queue) end
  redis.call('HSET', queue .. ':clears', number, string.format('%d', turn) .. ' ' .. table.concat(states, ' '))
  return size
end

-- Groups that were let go before and those that are parked now cannot be joined at once.
local function isReady(queue)
  if #clearsOf(queue) >= most then return false end
  return takesQueued or redis.call('EXISTS', queue .. ':loosened') == 0 or unparkSome(queue)
end

for q, queue in ipairs(KEYS) do
  local size = 0
  for s = SHARED + 1, #ARGV do size = size + redis.call('ZCARD', indexOf(queue, ARGV[s])) end
  if size <= left then
    left = left - size
    results[q] = size == 0 and 0 or removeAll(q, queue)
  else
    results[q] = isReady(queue) and mark(queue) or -1
  end
end
writePending()
return {results, gone, dangling}
