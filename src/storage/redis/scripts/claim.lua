--[[ Leases ready tasks, best first. A claim that still holds tasks gets those.
KEYS     queues to take from, in this order, then further queues in which the claim may hold tasks
ARGV     how many of the queues to take from, the claim (or ''), the instant on the wall, on the steady scale, and as
         JSON, the channel, entries that the event stream keeps, how many expired tasks to pass over;
         then for each lease: the beginning of its JSON, its length (or ''), the grace, the end of its event
Returns the claimed tasks and the expired ones that were passed over, each as number of the queue, number of the lease,
event, id, head, spec, core, lease, payload; those that the claim holds already have the lease 0. ]]
local SHARED, WIDTH = 8, 4
local takeFrom, claim, wall, steady, instant, channel, length, passOver = unpack(ARGV, 1, SHARED)
local claimed, expired = {}, {}
for q, queue in ipairs(claim == '' and {} or KEYS) do
  for _, id in ipairs(redis.call('SMEMBERS', queue .. ':claim:' .. claim)) do
    local isGood = tonumber(redis.call('ZSCORE', queue .. ':leases', id)) > tonumber(steady)
    if isGood then claimed[#claimed + 1] = {q, 0, '', id, unpack(fieldsOf(queue, id))} end
  end
end
local left = #claimed > 0 and 0 or (#ARGV - SHARED) / WIDTH
for q = 1, tonumber(takeFrom) do
  local queue, seen, ids = KEYS[q], 0, nil
  repeat
    ids = left > 0 and redis.call('ZRANGE', queue .. ':ready', seen, seen + left - 1) or {}
    seen = seen + #ids
    for _, id in ipairs(ids) do
      local fields = fieldsOf(queue, id)
      local head = parse(fields[1])
      head.batch = table.remove(fields) or ''
      if head.startBy ~= '-' and tonumber(head.startBy) <= tonumber(wall) then
        expired[#expired + 1] = {q, 0, '', id, unpack(fields)}
      else
        local grant = {unpack(ARGV, SHARED + #claimed * WIDTH + 1, SHARED + (#claimed + 1) * WIDTH)}
        fields[4] = lease(queue, id, head, grant, claim, wall, steady)
        fields[1] = format(head)
        local event = tell(queue, nextEvent(queue), channel, length, eventOf(queue, id, head, instant, grant[4]))
        claimed[#claimed + 1] = {q, #claimed + 1, event, id, unpack(fields)}
        left = left - 1
      end
    end
  until #ids == 0 or #expired >= tonumber(passOver)
end
writeNotes()
return {claimed, expired}
