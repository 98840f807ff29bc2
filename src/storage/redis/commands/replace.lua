-- needs: events, index, logs, parking, record, writes
--[[ Writes the next revision of tasks, unless another write came first.
KEYS[i]  the queue of task i
ARGV[1]  entries that the event stream keeps
ARGV     then for each task: id, the head that was read, the next head, its state and bytes, deadline, core, lease, output,
         checkpoint ('-' removes it), attempt record, new place, channel, event. '' leaves a field as it is; without a
         channel there is no event
Returns for each task: the id of its event; '' when it has none; or false when another write came first. ]]
-- Read: the arguments and the head of each task.
local WIDTH = 14
local results = {}
for i, queue in ipairs(KEYS) do
  local id, seen, written, state, bytes, deadline, core, lease, output, checkpoint, ended, place,
    channel, event =
    unpack(ARGV, 2 + (i - 1) * WIDTH, 1 + i * WIDTH)
  local head, text = read(queue, id)
  results[i] = false
  -- Check: no other write came first.
  if text == seen then
    -- Write: takes the task out of the indices of its former state.
    local fields = {'head', written, 'core', core, 'lease', lease}
    leave(queue, id, head)
    countInGroup(queue, head.lane, head.state, state)
    head.state, head.bytes = state, bytes
    if place ~= '' then head.place = place end
    -- Write: the fields of the next revision.
    if head.logs ~= '' and DEADLINES[state] == ':ended' then
      -- The logs of an ended task count towards its bytes. No process expects the head of an ended task as it wrote it.
      local ended = parse(written)
      ended.bytes = string.format('%d', bytes + keptOf(queue, id, head.logs))
      head.bytes, fields[2] = ended.bytes, format(ended)
    end
    if head.claim ~= '' and state ~= 'processing' then
      head.claim, fields[#fields + 1], fields[#fields + 2] = '', 'claim', ''
    end
    if output ~= '' then fields[#fields + 1], fields[#fields + 2] = 'output', output end
    if ended ~= '' then fields[#fields + 1], fields[#fields + 2] = 'attempt:' .. head.revision, ended end
    if checkpoint == '-' then redis.call('HDEL', queue .. ':task:' .. id, 'checkpoint')
    elseif checkpoint ~= '' then fields[#fields + 1], fields[#fields + 2] = 'checkpoint', checkpoint end
    redis.call('HSET', queue .. ':task:' .. id, unpack(fields))
    -- Write: puts the task into the indices of its state.
    enter(queue, id, head, deadline)
    results[i] = ''
    -- Write: the event.
    if channel ~= '' then
      results[i] = nextEvent(queue)
      publish(queue, results[i], id, state, channel, ARGV[1], event)
    end
  end
end
-- Write: the events, then what was collected.
endEvents()
writePending()
return results
