-- needs: clears, writes
-- gives: countInBatch, joinBatch, leaveBatch
--[[ Part of every script that writes: the batch of a task.
<queue>:batch:<batch>   zset  ids by birth
<queue>:counts:<batch>  hash  number of tasks by state
Earlier versions had the counts at <queue>:batch:<batch>:counts, which is also the key of the ids of the batch
`<batch>:counts`. ]]
local settled = {}

-- Moves counts of an earlier version to their key.
local function settle(queue, batch)
  local old = queue .. ':batch:' .. batch .. ':counts'
  if redis.call('TYPE', old).ok ~= 'hash' then return end
  local counts = redis.call('HGETALL', old)
  for i = 1, #counts, 2 do redis.call('HINCRBY', queue .. ':counts:' .. batch, counts[i], counts[i + 1]) end
  redis.call('DEL', old)
end

-- Sets the counts of cleared states to 0, once for each clear.
local function leaveOut(queue, batch)
  for _, clear in ipairs(clearsOf(queue)) do
    if redis.call('SADD', clearedIndex(queue, clear.number, 'batches'), batch) == 1 then
      for state in pairs(clear.states) do setNumber(queue .. ':counts:' .. batch, state, 0) end
    end
  end
end

-- The key of the ids of a batch. Its counts are settled once per script.
local function batchOf(queue, head)
  local batch = queue .. ':batch:' .. head.batch
  if settled[batch] then return batch end
  settled[batch] = true
  settle(queue, head.batch)
  local outer = string.match(head.batch, '^(.*):counts$')
  if outer then settle(queue, outer) end
  leaveOut(queue, head.batch)
  return batch
end

-- Counts the task in its state, by 1 or -1. Nothing for a task without a batch.
function countInBatch(queue, head, by)
  if head.batch == '' then return end
  batchOf(queue, head)
  increase(queue .. ':counts:' .. head.batch, head.state, by)
end

-- Adds a new task to its batch, if it has one.
function joinBatch(queue, id, head) if head.batch ~= '' then setScore(batchOf(queue, head), id, head.born) end end

-- Removes a task from its batch, if it has one.
function leaveBatch(queue, id, head) if head.batch ~= '' then setScore(batchOf(queue, head), id, false) end end
