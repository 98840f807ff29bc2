-- needs: ages, batch, clears, index, lanes, logs, parking, record, rings, writes
-- gives: leaveDeadline, reclaim, freeId, removeTask, removeAll
--[[ Part of the scripts that remove tasks, cleared ones (see `clears.lua`) and others. The counts of the queue, rounds and
groups do not include cleared tasks any more. Their records, deadlines, batches and perhaps lanes are still there.
<queue>:gone:<id>  string  the nonce whose insert is refused for `fence` milliseconds ]]
-- As FENCE_MS of `keys.ts`.
local FENCE = 10000
local tidied = {}

-- Takes a cleared task out of its index of deadlines, which has tasks of other states too.
function leaveDeadline(queue, id, head)
  local index = DEADLINES[head.state]
  if index == ':ended' then
    if redis.call('ZREM', queue .. index, id) == 1 then increaseMeta(queue, 'endedBytes', -head.bytes) end
  elseif head.state ~= 'queued' or head.startBy ~= '-' then setScore(queue .. index, id, false) end
end

-- Drops what a clear has left of a signature, unless a ready task has it again.
local function tidy(queue, signature)
  freshRing(queue, signature)
  if tidied[queue .. signature] then return end
  tidied[queue .. signature] = true
  if redis.call('HEXISTS', queue .. ':signatures', signature) == 0 then dropAges(queue, signature) end
end

-- Takes a cleared task out of its lane and round, which keep it until a script visits them.
local function leaveLane(queue, id, head)
  local signature, group = partsOf(head.lane)
  local priority = priorityOf(head.place)
  tidy(queue, signature)
  if head.lane == '' then return end
  redis.call('ZREM', keyOf(queue, priority, head.lane), id)
  if signature ~= '' then redis.call('ZREM', queue .. ':round:' .. priority .. ' ' .. group, id) end
  local isHeldBack = redis.call('SISMEMBER', queue .. ':parked', group) + redis.call('SISMEMBER', queue .. ':loosened', group)
  if isHeldBack == 0 then redis.call('DEL', queue .. ':parked:' .. group) end
end

-- Removes a cleared task, with its entry in an index of a clear. Returns its nonce; nil when the record is lost, or when a
-- process that does not know clears has written it since.
function reclaim(queue, index, id, state, born)
  setScore(index, id, false)
  local text, claim, batch, lane, logs = unpack(redis.call('HMGET', queue .. ':task:' .. id, 'head', 'claim', 'batch', 'lane',
    'logs'))
  if not text then return dropDangling(queue, id) end
  local head = parse(text)
  if head.state ~= state or tonumber(head.born) ~= tonumber(born) then return nil end
  head.batch, head.lane = batch or '', lane or ''
  leaveDeadline(queue, id, head)
  if state == 'queued' then leaveLane(queue, id, head) end
  if claim and claim ~= '' then redis.call('SREM', queue .. ':claim:' .. claim, id) end
  leaveBatch(queue, id, head)
  dropLogs(queue, id, logs or '')
  redis.call('UNLINK', queue .. ':task:' .. id)
  redis.call('SET', queue .. ':gone:' .. id, head.nonce, 'PX', FENCE)
  return head.nonce
end

-- Takes an id without a record out of the indices of all clears.
local function forgetCleared(queue, id)
  for _, clear in ipairs(clearsOf(queue)) do
    for state in pairs(clear.states) do redis.call('ZREM', clearedIndex(queue, clear.number, state), id) end
  end
end

-- Removes a cleared task with this id, before a new task gets the id.
function freeId(queue, id)
  if not clearsOf(queue)[1] then return end
  local text = redis.call('HGET', queue .. ':task:' .. id, 'head')
  if not text then return forgetCleared(queue, id) end
  local head = parse(text)
  local index = clearedIn(queue, id, head.state, head.born)
  if not index then return end
  reclaim(queue, index, id, head.state, head.born)
  flush(index)
end

-- Removes a task with its entries in indices, its logs and its record. Refuses its nonce for `fence` milliseconds.
function removeTask(queue, id, head, fence)
  leave(queue, id, head)
  countInGroup(queue, head.lane, head.state, '')
  leaveBatch(queue, id, head)
  dropLogs(queue, id, head.logs)
  redis.call('UNLINK', queue .. ':task:' .. id)
  redis.call('SET', queue .. ':gone:' .. id, head.nonce, 'PX', fence)
end

-- Removes tasks of the queue with number `q` as `removeTask` does, and adds each to `gone` as {q, id, nonce}. Takes an id
-- without a record out of the indices.
function removeAll(q, queue, ids, fence, gone)
  for _, id in ipairs(ids) do
    local head = read(queue, id)
    if head then
      removeTask(queue, id, head, fence)
      gone[#gone + 1] = {q, id, head.nonce}
    else
      dropDangling(queue, id)
    end
  end
end
