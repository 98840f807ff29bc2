-- needs: admit, batch, counters, lanes, notes
-- gives: DEADLINES, nextPlace, leave, enter
--[[ Part of every script that writes: where a task is found.
<queue>:state:<state>  zset  ids by birth
<queue>:due            zset  ids by deadline, on the wall
<queue>:leases         zset  ids by the end of the lease, on the steady scale
<queue>:ended          zset  ids by the instant they ended
<queue>:claim:<claim>  set   ids that a claim call holds ]]
DEADLINES = {delayed = ':due', queued = ':due', processing = ':leases',
  completed = ':ended', failed = ':ended', cancelled = ':ended', expired = ':ended'}

-- The place of a new task: by priority, then by age. It keeps it for life.
function nextPlace(queue, priority)
  return string.format('%d', (HIGHEST_PRIORITY - priority) * AGES + count(queue, 'number', 1))
end

function leave(queue, id, head)
  local index = DEADLINES[head.state]
  note(queue .. ':state:' .. head.state, id, false)
  -- A queued task without a time to start by has no deadline.
  if head.state ~= 'queued' or head.startBy ~= '-' then note(queue .. index, id, false) end
  if head.state == 'queued' then takeBack(queue, id, head) end
  if index == ':ended' then count(queue, 'endedBytes', -head.bytes) end
  countInBatch(queue, head, -1)
  if head.claim ~= '' then redis.call('SREM', queue .. ':claim:' .. head.claim, id) end
end

function enter(queue, id, head, deadline)
  local index = DEADLINES[head.state]
  note(queue .. ':state:' .. head.state, id, head.born)
  if deadline ~= '' then note(queue .. index, id, deadline) end
  if head.state == 'queued' then makeReady(queue, id, head) end
  if index == ':ended' then count(queue, 'endedBytes', head.bytes) end
  countInBatch(queue, head, 1)
  if head.claim ~= '' then redis.call('SADD', queue .. ':claim:' .. head.claim, id) end
end
