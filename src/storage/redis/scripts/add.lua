--[[ Part of the scripts that insert: writes a task that is not there. Returns the id of its event. ]]
local function add(length, queue, id, nonce, state, created, startBy, timeout, priority, deadline, spec, core, payload,
    batch, lane, channel, event)
  local born = nextEvent(queue)
  local head = {state = state, revision = 1, sequence = 1, attempt = 0, created = created, started = '-',
    startBy = startBy, timeout = timeout, place = nextPlace(queue, priority), born = born, nonce = nonce, bytes = 0,
    rest = ' ' .. #spec + #payload, claim = '', batch = batch, lane = lane}
  redis.call('HSET', queue .. ':task:' .. id, 'head', format(head), 'spec', spec, 'core', core, 'payload', payload)
  if lane ~= '' then redis.call('HSET', queue .. ':task:' .. id, 'lane', lane) end
  join(queue, id, head)
  enter(queue, id, head, deadline)
  return tell(queue, born, channel, length, event)
end
