--[[ Part of every script: the record of a task.
<queue>:task:<id>  hash  head, spec, core, lease, claim, payload, output
No script looks into any of them but the head: words between blanks, in the order below. ]]
local HEAD = {'state', 'revision', 'sequence', 'attempt', 'created', 'started', 'startBy', 'timeout',
  'place', 'born', 'nonce', 'bytes'}

-- What a task is made of: head, spec, core and lease; no head when there is no such task.
local function recordOf(queue, id)
  return redis.call('HMGET', queue .. ':task:' .. id, 'head', 'spec', 'core', 'lease')
end

-- Words that a later version of the service has added are kept.
local function read(queue, id)
  local text = redis.call('HGET', queue .. ':task:' .. id, 'head')
  if not text then return nil end
  local head, count = {}, 0
  for word in string.gmatch(text, '%S+') do
    count = count + 1
    head[HEAD[count] or count] = word
  end
  return head
end

local function write(queue, id, head, ...)
  local words = {}
  for i, name in ipairs(HEAD) do words[i] = head[name] end
  while head[#words + 1] do words[#words + 1] = head[#words + 1] end
  redis.call('HSET', queue .. ':task:' .. id, 'head', table.concat(words, ' '), ...)
end

-- Bytes of what does not change any more once the task has ended, its core aside.
local function sizeOf(queue, id)
  local bytes = 0
  for _, field in ipairs({'spec', 'payload', 'output'}) do
    bytes = bytes + redis.call('HSTRLEN', queue .. ':task:' .. id, field)
  end
  return bytes
end

-- Whether this is the task that the caller read. Who does not know the nonce goes by the time of the enqueue.
local function isCurrent(head, nonce, created, revision)
  return head and head.revision == revision and head.created == created and (nonce == '' or head.nonce == nonce)
end
