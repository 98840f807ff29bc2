-- needs: ages, clears, index, parking, removal, writes
--[[ Clears queues (ADR 36). Few tasks are removed at once. More are hidden by a mark, and `reclaim.lua` removes them later.
KEYS     queues
ARGV[1]  milliseconds for which a late insert with the nonce of a removed task is refused
ARGV[2]  the most tasks to remove at once   ARGV[3] the most marks of a queue   ARGV then the states
Returns for each queue the number of tasks that a mark hides. It is -1 for a queue that was left alone, because it has too
many marks, or groups that must be unparked first. Then returns the removed tasks, each as {number of the queue, id,
nonce}, and the entries without a record, each as {queue, id}. ]]
-- Read: the arguments.
local SHARED = 3
local fence, left, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local results, gone, takesQueued = {}, {}, false
for s = SHARED + 1, #ARGV do takesQueued = takesQueued or ARGV[s] == 'queued' end

local function indexOf(queue, state) return queue .. ':state:' .. state end

-- Write: removes all tasks of these states.
local function removeStates(q, queue)
  for s = SHARED + 1, #ARGV do
    removeAll(q, queue, redis.call('ZRANGE', indexOf(queue, ARGV[s]), 0, -1), fence, gone)
  end
  return 0
end

-- Write: drops each index of deadlines that has no visible task left.
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

-- Write: drops what is kept of ready tasks.
-- Lanes, rounds and rings stay until a script visits them, see `freshen`.
local function dropWaiting(queue)
  for _, key in ipairs({'ready', 'waiting', 'turns', 'levels', 'signatures', 'prefixes', 'parked', 'loosened'}) do
    redis.call('UNLINK', queue .. ':' .. key)
  end
  discardAges(queue)
  redis.call('HDEL', queue .. ':settings', 'loosened')
end

-- Write: drops the counts of running tasks. Every group has room now.
local function dropActive(queue)
  redis.call('UNLINK', queue .. ':active')
  if redis.call('EXISTS', queue .. ':parked') == 0 then return end
  redis.call('RENAME', queue .. ':parked', queue .. ':loosened')
  redis.call('HSET', queue .. ':settings', 'loosened', 1)
end

-- Write: hides the tasks by renaming the indices of their states.
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

-- Check: the queue has few marks, and no groups that must be unparked first.
-- Groups that were released earlier and groups that are parked now cannot be joined in one step.
local function isReady(queue)
  if #clearsOf(queue) >= most then return false end
  return takesQueued or redis.call('EXISTS', queue .. ':loosened') == 0 or unparkSome(queue)
end

-- Read: the size of each queue. Write: removes its tasks, or marks them.
for q, queue in ipairs(KEYS) do
  local size = 0
  for s = SHARED + 1, #ARGV do size = size + redis.call('ZCARD', indexOf(queue, ARGV[s])) end
  if size <= left then
    left = left - size
    results[q] = size == 0 and 0 or removeStates(q, queue)
  else
    results[q] = isReady(queue) and mark(queue) or -1
  end
end
writePending()
return {results, gone, dangling}
