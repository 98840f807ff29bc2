--[[ Part of the claim: leases one task, as `claim` of the life cycle does. ]]

local function fieldsOf(queue, id)
  return redis.call('HMGET', queue .. ':task:' .. id, 'head', 'spec', 'core', 'lease', 'payload', 'batch', 'lane')
end

-- `grant`: the beginning of the lease's JSON, its length or '', the grace. Returns the new head and lease, as texts.
local function lease(queue, id, head, grant, run)
  local begin, asked, grace, wall = grant[1], grant[2], grant[3], run.wall
  local seconds = tonumber(asked) or head.timeout + grace
  local ends = string.format('%.17g', run.steady + seconds * 1000)
  head.claim = ''
  leave(queue, id, head)
  follow(queue, head.lane, 'queued', 'processing')
  head.state, head.revision, head.sequence = 'processing', head.revision + 1, head.sequence + 1
  head.attempt, head.started, head.claim = head.attempt + 1, wall, run.claim
  local text = string.format('%s,"startedAt":%s,"length":%.17g,"expiresAt":%s}', begin, wall, seconds, ends)
  local written, task = format(head), queue .. ':task:' .. id
  redis.call('HSET', task, 'head', written, 'lease', text)
  if run.claim ~= '' then redis.call('HSET', task, 'claim', run.claim) end
  enter(queue, id, head, ends)
  return written, text
end

local function eventOf(queue, id, head, instant, ending)
  return '"type":"processing","eval_id":"' .. id .. '","queue":"' .. string.match(queue, '{(.*)}$')
    .. '","status":"processing","sequence":' .. head.sequence .. ',"timestamp":' .. instant
    .. ',"attempt":' .. head.attempt .. ending
end
