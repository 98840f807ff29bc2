--[[ Part of every script: the record of a task.
<queue>:task:<id>  hash  head, spec, core, lease, claim, batch, lane (see `lanes.lua`), payload, output
No script looks into any of them but the head: words between blanks, in the order below. ]]
local WORDS = '^' .. string.rep('(%S+) ', 11) .. '(%S+)(.*)$'

-- `rest` is what later versions of the service have added; it is kept. Its first word is the size: bytes
-- of what never changes, spec and payload.
local function parse(text)
  local head = {}
  head.state, head.revision, head.sequence, head.attempt, head.created, head.started, head.startBy, head.timeout,
    head.place, head.born, head.nonce, head.bytes, head.rest = string.match(text, WORDS)
  return head
end

local function format(head)
  return table.concat({head.state, head.revision, head.sequence, head.attempt, head.created, head.started, head.startBy,
    head.timeout, head.place, head.born, head.nonce, head.bytes}, ' ') .. head.rest
end

-- The head of a task, with the claim that holds it its batch and its lane.
local function read(queue, id)
  local text, claim, batch, lane = unpack(redis.call('HMGET', queue .. ':task:' .. id, 'head', 'claim', 'batch', 'lane'))
  if not text then return nil end
  local head = parse(text)
  head.claim, head.batch, head.lane = claim or '', batch or '', lane or ''
  return head
end

-- What a task is made of: head, spec, core and lease; no head when there is no such task.
local function recordOf(queue, id)
  return redis.call('HMGET', queue .. ':task:' .. id, 'head', 'spec', 'core', 'lease')
end

-- Whether this is the task that the caller read. Who does not know the nonce goes by the time of the enqueue.
local function isCurrent(head, nonce, created, revision)
  return head and head.revision == revision and head.created == created and (nonce == '' or head.nonce == nonce)
end
