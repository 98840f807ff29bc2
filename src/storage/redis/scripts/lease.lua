--[[ Part of the claim: leases one task, as `claim` of the life cycle does. ]]

-- A task as the claim returns it: number of the queue, number of the lease, event, id, head, spec, core, lease, payload.
local function row(q, lease, event, id)
  local fields = redis.call('HMGET', KEYS[q] .. ':task:' .. id, 'head', 'spec', 'core', 'lease', 'payload')
  return {q, lease, event, id, unpack(fields)}
end

-- `grant`: the beginning of the lease's JSON, its length or '', the grace, the end of the event.
local function lease(queue, id, head, grant, claim, wall, steady)
  local begin, asked, grace = grant[1], grant[2], grant[3]
  local seconds = tonumber(asked) or head.timeout + grace
  local ends = string.format('%.17g', steady + seconds * 1000)
  leave(queue, id, head)
  head.state, head.revision, head.sequence = 'processing', head.revision + 1, head.sequence + 1
  head.attempt, head.started = head.attempt + 1, wall
  local text = string.format('%s,"startedAt":%s,"length":%.17g,"expiresAt":%s}', begin, wall, seconds, ends)
  write(queue, id, head, 'lease', text, 'claim', claim)
  enter(queue, id, head, ends, claim)
end

local function eventOf(queue, id, head, instant, ending)
  return '"type":"processing","eval_id":"' .. id .. '","queue":"' .. string.match(queue, '{(.*)}$')
    .. '","status":"processing","sequence":' .. head.sequence .. ',"timestamp":' .. instant
    .. ',"attempt":' .. head.attempt .. ending
end
