--[[ Part of every script that writes: where a task is found.
<queue>:state:<state>  zset  ids by birth
<queue>:ready          zset  ids by place, the next one first
<queue>:due            zset  ids by deadline, on the wall
<queue>:leases         zset  ids by the end of the lease, on the steady scale
<queue>:ended          zset  ids by the instant they ended
<queue>:claim:<claim>  set   ids that a claim call holds
<queue>:meta           hash  number (last given), event (last id), endedBytes ]]
local AGES, HIGHEST_PRIORITY = 4398046511104, 1000
local DEADLINES = {delayed = ':due', queued = ':due', processing = ':leases',
  completed = ':ended', failed = ':ended', cancelled = ':ended', expired = ':ended'}

-- The place of a new task: by priority, then by age. It keeps it for life.
local function nextPlace(queue, priority)
  local number = redis.call('HINCRBY', queue .. ':meta', 'number', 1)
  return string.format('%.0f', (HIGHEST_PRIORITY - priority) * AGES + number)
end

local function leave(queue, id, head)
  local index = DEADLINES[head.state]
  redis.call('ZREM', queue .. ':state:' .. head.state, id)
  redis.call('ZREM', queue .. index, id)
  if head.state == 'queued' then redis.call('ZREM', queue .. ':ready', id) end
  if index == ':ended' then redis.call('HINCRBY', queue .. ':meta', 'endedBytes', -head.bytes) end
  local claim = head.state == 'processing' and redis.call('HGET', queue .. ':task:' .. id, 'claim')
  if claim and claim ~= '' then redis.call('SREM', queue .. ':claim:' .. claim, id) end
end

local function enter(queue, id, head, deadline, claim)
  local index = DEADLINES[head.state]
  redis.call('ZADD', queue .. ':state:' .. head.state, head.born, id)
  if deadline ~= '' then redis.call('ZADD', queue .. index, deadline, id) end
  if head.state == 'queued' then redis.call('ZADD', queue .. ':ready', head.place, id) end
  if index == ':ended' then redis.call('HINCRBY', queue .. ':meta', 'endedBytes', head.bytes) end
  if claim ~= '' then redis.call('SADD', queue .. ':claim:' .. claim, id) end
end

local function forget(queue, id, head, fence)
  leave(queue, id, head)
  redis.call('UNLINK', queue .. ':task:' .. id, queue .. ':attempts:' .. id)
  redis.call('SET', queue .. ':gone:' .. id, head.nonce, 'PX', fence)
end
