-- needs: batch, lanes, ready, writes
-- gives: DEADLINES, nextPlace, leave, enter, dangling, dropDangling
--[[ Part of every script that writes: the indices of tasks.
<queue>:state:<state>  zset  ids by birth
<queue>:due            zset  ids by deadline, on the wall
<queue>:leases         zset  ids by the end of the lease, on the steady scale
<queue>:ended          zset  ids by the time at which they ended
<queue>:claim:<claim>  set   ids that a claim call holds
An entry whose task has no record is dangling. The script takes it out and returns it.
DEADLINES has the index of deadlines of each state. `dangling` has the entries that were taken out, each as {queue, id}. ]]
DEADLINES = {delayed = ':due', queued = ':due', processing = ':leases',
  completed = ':ended', failed = ':ended', cancelled = ':ended', expired = ':ended'}

-- The place of a new task, by priority and then by age. A task keeps its place for life.
function nextPlace(queue, priority)
  return string.format('%d', (HIGHEST_PRIORITY - priority) * AGES + increaseMeta(queue, 'number', 1))
end

-- Takes a task out of the indices of its state.
function leave(queue, id, head)
  local index = DEADLINES[head.state]
  setScore(queue .. ':state:' .. head.state, id, false)
  -- A queued task without a time to start by has no deadline.
  if head.state ~= 'queued' or head.startBy ~= '-' then setScore(queue .. index, id, false) end
  if head.state == 'queued' then makeUnready(queue, id, head) end
  if index == ':ended' then increaseMeta(queue, 'endedBytes', -head.bytes) end
  countInBatch(queue, head, -1)
  if head.claim ~= '' then redis.call('SREM', queue .. ':claim:' .. head.claim, id) end
end

-- Puts a task into the indices of its state. Without a deadline, `deadline` is ''.
function enter(queue, id, head, deadline)
  local index = DEADLINES[head.state]
  setScore(queue .. ':state:' .. head.state, id, head.born)
  if deadline ~= '' then setScore(queue .. index, id, deadline) end
  if head.state == 'queued' then makeReady(queue, id, head) end
  if index == ':ended' then increaseMeta(queue, 'endedBytes', head.bytes) end
  countInBatch(queue, head, 1)
  if head.claim ~= '' then redis.call('SADD', queue .. ':claim:' .. head.claim, id) end
end

dangling = {}

-- Takes an id without a record out of all indices except the lanes, whose names only its record has.
function dropDangling(queue, id)
  for state, index in pairs(DEADLINES) do
    setScore(queue .. ':state:' .. state, id, false)
    setScore(queue .. index, id, false)
  end
  setScore(queue .. ':ready', id, false)
  dangling[#dangling + 1] = {queue, id}
end
