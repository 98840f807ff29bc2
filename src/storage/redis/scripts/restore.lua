--[[ Takes over tasks of another store as they are, unless their ids are taken in their queue. Nothing is told.
KEYS[i]  the queue of task i
ARGV     for each task: id, nonce, priority, timeout, state, revision, sequence, attempt, created, started, startBy,
         deadline, spec, core, lease, claim, batch (or ''), lane, payload, output (or ''), the number of its attempt
         records, and those
Returns for each 1, or 0 when the id is taken. ]]
local WIDTH = 21
local results, at = {}, 0
for i, queue in ipairs(KEYS) do
  local id, nonce, priority, timeout, state, revision, sequence, attempt, created, started, startBy, deadline, spec, core,
    lease, claim, batch, lane, payload, output, attempts = unpack(ARGV, at + 1, at + WIDTH)
  local task = queue .. ':task:' .. id
  results[i] = redis.call('EXISTS', task) == 1 and 0 or 1
  if results[i] == 1 then
    local head = {state = state, revision = revision, sequence = sequence, attempt = attempt, created = created,
      started = started, startBy = startBy, timeout = timeout, born = nextEvent(queue), nonce = nonce,
      place = nextPlace(queue, priority), rest = ' ' .. #spec + #payload, claim = claim, batch = batch, lane = lane}
    if lane ~= '' then redis.call('HSET', task, 'lane', lane) end
    if output ~= '' then redis.call('HSET', task, 'output', output) end
    for j = 1, tonumber(attempts) do redis.call('RPUSH', queue .. ':attempts:' .. id, ARGV[at + WIDTH + j]) end
    head.bytes = #spec + #payload + #output + #core
    redis.call('HSET', task, 'head', format(head), 'spec', spec, 'core', core, 'lease', lease, 'claim', claim, 'payload',
      payload)
    join(queue, id, head)
    enter(queue, id, head, deadline)
    follow(queue, lane, '', state)
  end
  at = at + WIDTH + attempts
end
writeNotes()
return results
