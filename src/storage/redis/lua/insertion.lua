-- needs: batch, events, index, removal
-- gives: insertTask, stagedKey, areAllStaged, commitStaged
--[[ Part of the scripts that insert: writes a task that is not there. `begin` and `ending` are the words of its head before
its place and behind its birth. The functions return the id of its event.
<queue>:staged:<nonce>:<n>  hash  what task n of a call is made of, without a head, until its commit ]]
-- Gives a task its head, by which it can be seen, and more fields, and puts it where it is found.
local function writeTask(length, queue, id, state, begin, ending, priority, deadline, batch, lane, channel, event, ...)
  local born, place = nextEvent(queue), nextPlace(queue, priority)
  local head = {state = state, place = place, born = born, claim = '', batch = batch, lane = lane}
  redis.call('HSET', queue .. ':task:' .. id, 'head', begin .. place .. ' ' .. born .. ending, ...)
  joinBatch(queue, id, head)
  enter(queue, id, head, deadline)
  publish(queue, born, id, state, channel, length, event)
  return born
end

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

function stagedKey(queue, nonce, i) return queue .. ':staged:' .. nonce .. ':' .. i end

-- Whether none of them has expired.
function areAllStaged(staged) return redis.call('EXISTS', unpack(staged)) == #staged end

-- Shows a task of a call that was staged.
function commitStaged(length, staged, queue, id, ...)
  local task = queue .. ':task:' .. id
  freeId(queue, id)
  redis.call('RENAME', staged, task)
  redis.call('PERSIST', task)
  return writeTask(length, queue, id, ...)
end
