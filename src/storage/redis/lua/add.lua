-- needs: batch, event, index, reclaimed
-- gives: enlist, add
--[[ Part of the scripts that insert: writes a task that is not there. Returns the id of its event.
`begin` and `ending` are the words of its head before its place and behind its birth. ]]

-- Gives a task its head, by which it can be seen, and more fields, and puts it where it is found.
function enlist(length, queue, id, state, begin, ending, priority, deadline, batch, lane, channel, event, ...)
  local born, place = nextEvent(queue), nextPlace(queue, priority)
  local head = {state = state, place = place, born = born, claim = '', batch = batch, lane = lane}
  redis.call('HSET', queue .. ':task:' .. id, 'head', begin .. place .. ' ' .. born .. ending, ...)
  gather(queue, id, head)
  enter(queue, id, head, deadline)
  tell(queue, born, id, state, channel, length, event)
  return born
end

function add(length, queue, id, state, begin, ending, priority, deadline, spec, core, payload, batch, lane, channel,
    event)
  makeRoom(queue, id)
  if lane == '' and batch == '' then
    return enlist(length, queue, id, state, begin, ending, priority, deadline, batch, lane, channel, event, 'spec', spec,
      'core', core, 'payload', payload)
  end
  local fields = {'spec', spec, 'core', core, 'payload', payload}
  if lane ~= '' then fields[#fields + 1], fields[#fields + 2] = 'lane', lane end
  if batch ~= '' then fields[#fields + 1], fields[#fields + 2] = 'batch', batch end
  return enlist(length, queue, id, state, begin, ending, priority, deadline, batch, lane, channel, event, unpack(fields))
end
