-- needs: events, index, logs, parking, record, writes
--[[ Writes the next revision of tasks that had no other write since they were read.
KEYS[i]  the queue of task i
ARGV[1]  entries that the event stream keeps
ARGV     then for each task: id, the head that was read, the next head, its state and bytes, deadline, core, lease,
         output, checkpoint ('-' removes it), attempt record, channel, event; '' for none
Returns for each task: the id of its event, '' when it has none, or false when another write came first. ]]
local WIDTH = 13
local results = {}
for i, queue in ipairs(KEYS) do
  local id, seen, written, state, bytes, deadline, core, lease, output, checkpoint, ended, channel,
    event =
    unpack(ARGV, 2 + (i - 1) * WIDTH, 1 + i * WIDTH)
  local head, text = read(queue, id)
  results[i] = false
  if text == seen then
    local fields = {'head', written, 'core', core, 'lease', lease}
    leave(queue, id, head)
    countInGroup(queue, head.lane, head.state, state)
    head.state, head.bytes = state, bytes
    if head.logs ~= '' and DEADLINES[state] == ':ended' then
      -- Its logs count from now on. No process remembers the head of an ended task as it wrote it.
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
    enter(queue, id, head, deadline)
    results[i] = ''
    if channel ~= '' then
      results[i] = nextEvent(queue)
      publish(queue, results[i], id, state, channel, ARGV[1], event)
    end
  end
end
endEvents()
writePending()
return results
