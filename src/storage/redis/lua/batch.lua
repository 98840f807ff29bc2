-- needs: clears, writes
-- gives: countInBatch, joinBatch, leaveBatch
--[[ Part of every script that writes: the batch of a task.
<queue>:batch:<batch>   zset  ids by birth
<queue>:counts:<batch>  hash  how many by state
Earlier versions had the counts at <queue>:batch:<batch>:counts, where the ids of the batch `<batch>:counts` are, too. ]]
local settled = {}

-- Puts counts of an earlier version where they belong.
local function settle(queue, batch)
  local old = queue .. ':batch:' .. batch .. ':counts'
  if redis.call('TYPE', old).ok ~= 'hash' then return end
  local counts = redis.call('HGETALL', old)
  for i = 1, #counts, 2 do redis.call('HINCRBY', queue .. ':counts:' .. batch, counts[i], counts[i + 1]) end
  redis.call('DEL', old)
end

-- Takes out of the counts what was cleared: all that there was in the states of each clear that is not left out yet.
local function leaveOut(queue, batch)
  for _, clear in ipairs(clearsOf(queue)) do
    if redis.call('SADD', clearedIndex(queue, clear.number, 'batches'), batch) == 1 then
      for state in pairs(clear.states) do setNumber(queue .. ':counts:' .. batch, state, 0) end
    end
  end
end

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

function countInBatch(queue, head, by)
  if head.batch == '' then return end
  batchOf(queue, head)
  increase(queue .. ':counts:' .. head.batch, head.state, by)
end

-- Puts a new task into its batch, which its record names.
function joinBatch(queue, id, head) if head.batch ~= '' then setScore(batchOf(queue, head), id, head.born) end end

-- Takes a task that goes out of its batch.
function leaveBatch(queue, id, head) if head.batch ~= '' then setScore(batchOf(queue, head), id, false) end end
