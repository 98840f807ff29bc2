--[[ Part of every script that writes: the batch of a task.
<queue>:batch:<batch>         zset  ids by birth
<queue>:batch:<batch>:counts  hash  how many by state ]]
local function batchOf(queue, head) return queue .. ':batch:' .. head.batch end

local function countInBatch(queue, head, by)
  if head.batch ~= '' then increase(batchOf(queue, head) .. ':counts', head.state, by) end
end

-- Puts a new task into its batch.
local function join(queue, id, head)
  if head.batch == '' then return end
  redis.call('HSET', queue .. ':task:' .. id, 'batch', head.batch)
  note(batchOf(queue, head), id, head.born)
end

-- Takes a task that goes out of its batch.
local function quit(queue, id, head)
  if head.batch ~= '' then note(batchOf(queue, head), id, false) end
end
