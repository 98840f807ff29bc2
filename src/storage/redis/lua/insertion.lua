-- needs: batch, events, index, removal
-- gives: insertTask, stagedKey, areAllStaged, commitStaged
--[[ Part of the scripts that insert: writes tasks that do not exist. `begin` and `ending` are the words of the head before its
place and behind its birth.
<queue>:staged:<nonce>:<n>  hash  the record of task n of a call, without a head, until its commit ]]
-- Writes the head of a task, which makes it visible, and further fields; indexes it and publishes its event.
local function writeTask(length, queue, id, state, begin, ending, priority, deadline, batch, lane, channel, event, ...)
  local born, place = nextEvent(queue), nextPlace(queue, priority)
  local head = {state = state, place = place, born = born, claim = '', batch = batch, lane = lane}
  redis.call('HSET', queue .. ':task:' .. id, 'head', begin .. place .. ' ' .. born .. ending, ...)
  joinBatch(queue, id, head)
  enter(queue, id, head, deadline)
  publish(queue, born, id, state, channel, length, event)
  return born
end

-- Inserts a task. Returns the id of its event.
function insertTask(length, queue, id, state, begin, ending, priority, deadline, spec, core, payload, batch, lane, channel,
    event)
  freeId(queue, id)
  if lane == '' and batch == '' then
    return writeTask(length, queue, id, state, begin, ending, priority, deadline, batch, lane, channel, event, 'spec', spec,
      'core', core, 'payload', payload)
  end
  local fields = {'spec', spec, 'core', core, 'payload', payload}
  if lane ~= '' then fields[#fields + 1], fields[#fields + 2] = 'lane', lane end
  if batch ~= '' then fields[#fields + 1], fields[#fields + 2] = 'batch', batch end
  return writeTask(length, queue, id, state, begin, ending, priority, deadline, batch, lane, channel, event, unpack(fields))
end

-- The key of task `i` of a call that was staged.
function stagedKey(queue, nonce, i) return queue .. ':staged:' .. nonce .. ':' .. i end

-- Whether every staged task still exists.
function areAllStaged(staged) return redis.call('EXISTS', unpack(staged)) == #staged end

-- Moves a staged task into place and makes it visible. Returns the id of its event.
function commitStaged(length, staged, queue, id, ...)
  local task = queue .. ':task:' .. id
  freeId(queue, id)
  redis.call('RENAME', staged, task)
  redis.call('PERSIST', task)
  return writeTask(length, queue, id, ...)
end
