-- needs: clears, events, index, lanes, parking, ready, record
-- gives: take
--[[ Part of the claim: leases one task, as `claim` of the life cycle does. `run` has the arguments and the results of the
claim. ]]
local spans, nexts = {}, {}

-- The next number, as text. Cached, since the tasks of a script share few numbers.
local function nextOf(text)
  if not nexts[text] then nexts[text] = tostring(text + 1) end
  return nexts[text]
end

-- The end of a lease of this length, and the end of its JSON. A length `+<grace>` is added to the timeout of the task. A
-- lease ends at the deadline of its task at the latest; `deadline` is nil for none.
local function spanOf(length, timeout, deadline, run)
  local key = length .. ' ' .. timeout .. ' ' .. (deadline or '')
  if not spans[key] then
    local grace = string.match(length, '^%+(.*)$')
    local seconds = grace and timeout + grace or tonumber(length)
    local left = deadline and deadline - run.wall or math.huge
    local isCut = left < seconds * 1000
    local ends = string.format('%.17g', run.steady + (isCut and left or seconds * 1000))
    local text = ',"startedAt":' .. run.wall .. ',"length":' .. string.format('%.17g', seconds)
    -- Both come from the clock of Redis, except in tests.
    local beat = (isCut or math.abs(run.wall - run.steady) > 1000) and ',"beatAt":' .. run.wall or ''
    if isCut then beat = beat .. ',"remaining":' .. string.format('%.17g', left / 1000) end
    spans[key] = {ends, text .. ',"expiresAt":' .. ends .. beat .. '}'}
  end
  return unpack(spans[key])
end

-- Writes the lease, whose JSON begins with `begin`. Returns the new head as text.
local function lease(queue, id, head, begin, length, run)
  local ends, rest = spanOf(length, head.timeout, tonumber(string.match(head.rest, '^ %S+ (%S+)') or '-'), run)
  leave(queue, id, head)
  countInGroup(queue, head.lane, 'queued', 'processing')
  head.state, head.revision, head.sequence = 'processing', nextOf(head.revision), nextOf(head.sequence)
  head.attempt, head.started, head.claim = nextOf(head.attempt), run.wall, run.claim
  local written, task = format(head), queue .. ':task:' .. id
  redis.call('HSET', task, 'head', written, 'lease', begin .. rest)
  if run.claim ~= '' then redis.call('HSET', task, 'claim', run.claim) end
  enter(queue, id, head, ends)
  return written
end

-- The text of the event, without its id.
local function eventOf(queue, id, head, instant, ending)
  return '"type":"processing","eval_id":"' .. id .. '","queue":"' .. nameOf(queue)
    .. '","status":"processing","sequence":' .. head.sequence .. ',"timestamp":' .. instant
    .. ',"attempt":' .. head.attempt .. ending
end

-- Takes out an entry without a record. `spot` has its lane and place, in a queue with lanes.
local function miss(queue, id, spot)
  if spot then stepOut(queue, id, spot) end
  dropDangling(queue, id)
  return false
end

-- Leases a task unless it has expired or has no record. Returns whether it was leased. Copying payloads through Lua is
-- slow, so after `run.room` characters the process reads them itself.
function take(queue, id, run, spot)
  local hasRoom = run.room > 0
  local text, spec, core, batch, lane, payload, checkpoint = unpack(redis.call('HMGET', queue .. ':task:' .. id, 'head',
    'spec', 'core', 'batch', 'lane', hasRoom and 'payload' or 'left out', hasRoom and 'checkpoint' or 'left out'))
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
  publish(queue, event, id, 'processing', run.channel, run.length, eventOf(queue, id, head, run.instant, ending))
  run.claimed[#run.claimed + 1] = {event, written, spec, core, payload or false, checkpoint or false}
  run.left, run.room = run.left - 1, run.room - #(payload or '') - #(checkpoint or '')
  return true
end
