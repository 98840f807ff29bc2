--[[ Part of the claim: takes a task. `run` has what the claim asks for, and what it has found. ]]

-- Leases a task, or notes that it has expired. Returns whether it was leased.
local function take(q, queue, id, run)
  local fields = fieldsOf(queue, id)
  local head = parse(fields[1])
  head.batch, head.lane = fields[6] or '', fields[7] or ''
  if head.startBy ~= '-' and tonumber(head.startBy) <= tonumber(run.wall) then
    if isLaned(queue) then stepOut(queue, id, head) end
    run.expired[#run.expired + 1] = {q, 0, '', id, unpack(fields, 1, 5)}
    return false
  end
  local grant = run.grantOf(#run.claimed)
  fields[1], fields[4] = lease(queue, id, head, grant, run)
  local event = tell(queue, nextEvent(queue), run.channel, run.length, eventOf(queue, id, head, run.instant, grant[4]))
  run.claimed[#run.claimed + 1] = {q, #run.claimed + 1, event, id, unpack(fields, 1, 5)}
  run.left = run.left - 1
  return true
end
