--[[ Part of every script that writes: where a task is found.
<queue>:state:<state>  zset  ids by birth
<queue>:due            zset  ids by deadline, on the wall
<queue>:leases         zset  ids by the end of the lease, on the steady scale
<queue>:ended          zset  ids by the instant they ended
<queue>:claim:<claim>  set   ids that a claim call holds
<queue>:batch:<batch>  zset  ids by birth
<queue>:batch:<batch>:counts  hash  how many by state ]]
local DEADLINES = {delayed = ':due', queued = ':due', processing = ':leases',
  completed = ':ended', failed = ':ended', cancelled = ':ended', expired = ':ended'}

-- The place of a new task: by priority, then by age. It keeps it for life.
local function nextPlace(queue, priority)
  return string.format('%.0f', (HIGHEST_PRIORITY - priority) * AGES + count(queue, 'number', 1))
end

local function countInBatch(queue, head, by)
  if head.batch ~= '' then redis.call('HINCRBY', queue .. ':batch:' .. head.batch .. ':counts', head.state, by) end
end

local function leave(queue, id, head)
  local index = DEADLINES[head.state]
  note(queue .. ':state:' .. head.state, id, false)
  note(queue .. index, id, false)
  if head.state == 'queued' then takeBack(queue, id, head) end
  if index == ':ended' then count(queue, 'endedBytes', -head.bytes) end
  countInBatch(queue, head, -1)
  if head.claim ~= '' then redis.call('SREM', queue .. ':claim:' .. head.claim, id) end
end

local function enter(queue, id, head, deadline)
  local index = DEADLINES[head.state]
  note(queue .. ':state:' .. head.state, id, head.born)
  if deadline ~= '' then note(queue .. index, id, deadline) end
  if head.state == 'queued' then makeReady(queue, id, head) end
  if index == ':ended' then count(queue, 'endedBytes', head.bytes) end
  countInBatch(queue, head, 1)
  if head.claim ~= '' then redis.call('SADD', queue .. ':claim:' .. head.claim, id) end
end

-- Puts a new task into its batch.
local function join(queue, id, head)
  if head.batch == '' then return end
  redis.call('HSET', queue .. ':task:' .. id, 'batch', head.batch)
  redis.call('ZADD', queue .. ':batch:' .. head.batch, head.born, id)
end

local function forget(queue, id, head, fence)
  leave(queue, id, head)
  follow(queue, head.lane, head.state, '')
  if head.batch ~= '' then
    local batch = queue .. ':batch:' .. head.batch
    redis.call('ZREM', batch, id)
    if redis.call('EXISTS', batch) == 0 then redis.call('UNLINK', batch .. ':counts') end
  end
  redis.call('UNLINK', queue .. ':task:' .. id, queue .. ':attempts:' .. id)
  redis.call('SET', queue .. ':gone:' .. id, head.nonce, 'PX', fence)
end

-- Bytes of what does not change any more once the task has ended, its core aside.
local function sizeOf(task)
  return redis.call('HSTRLEN', task, 'spec') + redis.call('HSTRLEN', task, 'payload')
    + redis.call('HSTRLEN', task, 'output')
end
