--[[ Part of the scripts that insert: writes a task that is not there. Returns the id of its event.
`begin` and `ending` are the words of its head before its place and behind its birth. ]]
local function add(length, queue, id, state, begin, ending, priority, deadline, spec, core, payload, batch, lane, channel,
    event)
  local born, place = nextEvent(queue), nextPlace(queue, priority)
  local head = {state = state, place = place, born = born, claim = '', batch = batch, lane = lane}
  local text = begin .. place .. ' ' .. born .. ending
  redis.call('HSET', queue .. ':task:' .. id, 'head', text, 'spec', spec, 'core', core, 'payload', payload)
  if lane ~= '' then redis.call('HSET', queue .. ':task:' .. id, 'lane', lane) end
  join(queue, id, head)
  enter(queue, id, head, deadline)
  tell(queue, born, id, state, channel, length, event)
  return born
end
