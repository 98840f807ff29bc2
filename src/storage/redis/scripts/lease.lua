--[[ Part of the claim: leases one task, as `claim` of the life cycle does. ]]

local function fieldsOf(queue, id)
  return redis.call('HMGET', queue .. ':task:' .. id, 'head', 'spec', 'core', 'lease', 'payload', 'batch', 'lane')
end

-- `grant`: the beginning of the lease's JSON, its length or '', the grace, the end of the event. Returns the lease.
local function lease(queue, id, head, grant, claim, wall, steady)
  local begin, asked, grace = grant[1], grant[2], grant[3]
  local seconds = tonumber(asked) or head.timeout + grace
  local ends = string.format('%.17g', steady + seconds * 1000)
  head.claim = ''
  leave(queue, id, head)
  follow(queue, head.lane, 'queued', 'processing')
  head.state, head.revision, head.sequence = 'processing', head.revision + 1, head.sequence + 1
  head.attempt, head.started, head.claim = head.attempt + 1, wall, claim
  local text = string.format('%s,"startedAt":%s,"length":%.17g,"expiresAt":%s}', begin, wall, seconds, ends)
  redis.call('HSET', queue .. ':task:' .. id, 'head', format(head), 'lease', text, 'claim', claim)
  enter(queue, id, head, ends)
  return text
end

local function eventOf(queue, id, head, instant, ending)
  return '"type":"processing","eval_id":"' .. id .. '","queue":"' .. string.match(queue, '{(.*)}$')
    .. '","status":"processing","sequence":' .. head.sequence .. ',"timestamp":' .. instant
    .. ',"attempt":' .. head.attempt .. ending
end
