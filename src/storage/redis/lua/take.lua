-- needs: event, lanes, lease, marks, mend, ready, record
-- gives: take
--[[ Part of the claim: takes a task. `run` has what the claim asks for, and what it has found. ]]
local function eventOf(queue, id, head, instant, ending)
  return '"type":"processing","eval_id":"' .. id .. '","queue":"' .. nameOf(queue)
    .. '","status":"processing","sequence":' .. head.sequence .. ',"timestamp":' .. instant
    .. ',"attempt":' .. head.attempt .. ending
end

-- Passes over an entry without a record; `spot` has the lane and the place where it was found, if there are lanes.
local function miss(queue, id, spot)
  if spot then stepOut(queue, id, spot) end
  drop(queue, id)
  return false
end

-- Leases a task, or notes that it has expired or has no record. Returns whether it was leased. Lua looks at each byte of
-- a payload: behind some large ones the process reads them by itself.
function take(queue, id, run, spot)
  local text, spec, core, batch, lane, payload = unpack(redis.call('HMGET', queue .. ':task:' .. id, 'head', 'spec',
    'core', 'batch', 'lane', run.room > 0 and 'payload' or 'left out'))
  if not text then return miss(queue, id, spot) end
  local head = parse(text)
  if clearedIn(queue, id, head.state, head.born) then return miss(queue, id, spot) end
  head.claim, head.batch, head.lane = '', batch or '', lane or ''
  if head.startBy ~= '-' and tonumber(head.startBy) <= tonumber(run.wall) then
    if isLaned(queue) then stepOut(queue, id, head) end
    run.expired[#run.expired + 1] = {text, spec, core}
    return false
  end
  local begin, length, ending = run.grantOf(#run.claimed)
  local written = lease(queue, id, head, begin, length, run)
  local event = nextEvent(queue)
  tell(queue, event, id, 'processing', run.channel, run.length, eventOf(queue, id, head, run.instant, ending))
  run.claimed[#run.claimed + 1] = {event, written, spec, core, payload or false}
  run.left, run.room = run.left - 1, run.room - #(payload or '')
  return true
end
