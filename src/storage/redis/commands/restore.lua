-- needs: batch, events, index, parking, record, removal, writes
--[[ Takes over tasks of another store unchanged, unless their ids are taken in their queue. Publishes no events.
KEYS[i]  the queue of task i
ARGV     for each task: id, the words of its head before its place and behind its birth, priority, deadline, spec, core,
         lease, claim, batch (or ''), lane, payload, output (or ''), checkpoint (or ''), the number of its attempt
         records, and those records
Returns for each task 1, or 0 when its id is taken. ]]
-- Read: the arguments of each task.
local WIDTH = 15
local results, at = {}, 0
for i, queue in ipairs(KEYS) do
  local id, begin, ending, priority, deadline, spec, core, lease, claim, batch, lane, payload, output, checkpoint,
    attempts =
    unpack(ARGV, at + 1, at + WIDTH)
  local task = queue .. ':task:' .. id
  -- Write: removes a cleared task with this id, so that the id is free.
  freeId(queue, id)
  -- Check: the id is free.
  results[i] = redis.call('EXISTS', task) == 1 and 0 or 1
  if results[i] == 1 then
    -- Write: the record, then the indices and counts.
    local text = begin .. nextPlace(queue, priority) .. ' ' .. nextEvent(queue) .. ending
    local head = parse(text)
    head.claim, head.batch, head.lane = claim, batch, lane
    if lane ~= '' then redis.call('HSET', task, 'lane', lane) end
    if output ~= '' then redis.call('HSET', task, 'output', output) end
    if checkpoint ~= '' then redis.call('HSET', task, 'checkpoint', checkpoint) end
    for j = 1, tonumber(attempts) do redis.call('HSET', task, 'attempt:' .. j, ARGV[at + WIDTH + j]) end
    redis.call('HSET', task, 'head', text, 'spec', spec, 'core', core, 'lease', lease, 'claim', claim, 'payload', payload)
    if batch ~= '' then redis.call('HSET', task, 'batch', batch) end
    joinBatch(queue, id, head)
    enter(queue, id, head, deadline)
    countInGroup(queue, lane, '', head.state)
  end
  at = at + WIDTH + attempts
end
-- Write: the last event id, then what was collected.
endEvents()
writePending()
return results
