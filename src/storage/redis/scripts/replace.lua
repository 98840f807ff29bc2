--[[ Writes the next revision of tasks that nobody else wrote since they were read.
KEYS[i]  the queue of task i
ARGV[1]  entries that the event stream keeps
ARGV     then for each task: id, nonce (or ''), created, the revision that was read, state, revision, sequence,
         attempt, started, startBy, deadline, core, lease, claim, output, attempt record, channel, event; '' for none
Returns for each task: the id of its event, '' when it has none, or false when somebody else wrote first. ]]
local WIDTH = 18

-- Bytes that count for the retention. Records of earlier versions do not have their size.
local function bytesOf(task, head, core, output)
  local size = string.match(head.rest, '^ (%d+)')
    or redis.call('HSTRLEN', task, 'spec') + redis.call('HSTRLEN', task, 'payload')
  return size + (output == '' and redis.call('HSTRLEN', task, 'output') or #output) + #core
end

local results = {}
for i, queue in ipairs(KEYS) do
  local id, nonce, created, seen, state, revision, sequence, attempt, started, startBy, deadline, core, lease, claim,
    output, ended, channel, event = unpack(ARGV, 2 + (i - 1) * WIDTH, 1 + i * WIDTH)
  local task = queue .. ':task:' .. id
  local head = read(queue, id)
  results[i] = false
  -- Of two claims that led to this revision a failover may have forgotten the first: they began at different times.
  if isCurrent(head, nonce, created, seen) and head.started == started then
    leave(queue, id, head)
    follow(queue, head.lane, head.state, state)
    if ended ~= '' then redis.call('RPUSH', queue .. ':attempts:' .. id, ended) end
    head.state, head.revision, head.sequence, head.attempt = state, revision, sequence, attempt
    head.started, head.startBy, head.claim = started, startBy, claim
    if DEADLINES[state] == ':ended' then head.bytes = bytesOf(task, head, core, output) end
    local fields = {'head', format(head), 'core', core, 'lease', lease, 'claim', claim}
    if output ~= '' then fields[#fields + 1], fields[#fields + 2] = 'output', output end
    redis.call('HSET', task, unpack(fields))
    enter(queue, id, head, deadline)
    results[i] = channel == '' and '' or tell(queue, nextEvent(queue), channel, ARGV[1], event)
  end
end
writeNotes()
trimEvents()
return results
