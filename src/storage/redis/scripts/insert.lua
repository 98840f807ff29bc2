--[[ Inserts tasks whose ids are not taken in their queue.
KEYS[i]  the queue of task i
ARGV[1]  entries that the event stream keeps
ARGV     then for each task: id, nonce, state, created, startBy, timeout, priority, deadline, spec, core, payload,
         channel, event
Returns for each task: the id of its event, or the record that is there, or false when the nonce was given up. ]]
local WIDTH = 13
local results = {}
for i, queue in ipairs(KEYS) do
  local id, nonce, state, created, startBy, timeout, priority, deadline, spec, core, payload, channel, event =
    unpack(ARGV, 2 + (i - 1) * WIDTH, 1 + i * WIDTH)
  local record = recordOf(queue, id)
  if record[1] then
    results[i] = record
  elseif redis.call('GET', queue .. ':gone:' .. id) == nonce then
    results[i] = false
  else
    local born = nextEvent(queue)
    local head = {state = state, revision = 1, sequence = 1, attempt = 0, created = created, started = '-',
      startBy = startBy, timeout = timeout, place = nextPlace(queue, priority), born = born, nonce = nonce, bytes = 0,
      rest = '', claim = ''}
    redis.call('HSET', queue .. ':task:' .. id, 'head', format(head), 'spec', spec, 'core', core, 'payload', payload)
    enter(queue, id, head, deadline)
    results[i] = tell(queue, born, channel, ARGV[1], event)
  end
end
writeNotes()
return results
