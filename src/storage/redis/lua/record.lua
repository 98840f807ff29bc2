-- needs: clears
-- gives: parse, format, read, recordOf
--[[ Part of every script: the record of a task.
<queue>:task:<id>  hash  head, spec, core, lease, claim, batch, lane (see `lanes.lua`), payload, output, checkpoint, and each
finished attempt as `attempt:<n>`, where n counts up; `logs`, see `logs.lua`
No script looks into any of them but the head: words between blanks, in the order below. ]]
local WORDS = '^' .. string.rep('(%S+) ', 11) .. '(%S+)(.*)$'

-- `rest` is what later versions of the service have added; it is kept. Its first word is the size: bytes
-- of spec, payload, checkpoint and finished attempts; its second one, if any, the deadline of the task, or '-'. Claim, batch and lane are added by who knows them.
function parse(text)
  local state, revision, sequence, attempt, created, started, startBy, timeout, place, born, nonce, bytes, rest =
    string.match(text, WORDS)
  return {state = state, revision = revision, sequence = sequence, attempt = attempt, created = created,
    started = started, startBy = startBy, timeout = timeout, place = place, born = born, nonce = nonce, bytes = bytes,
    rest = rest}
end

function format(head)
  return head.state .. ' ' .. head.revision .. ' ' .. head.sequence .. ' ' .. head.attempt .. ' ' .. head.created .. ' '
    .. head.started .. ' ' .. head.startBy .. ' ' .. head.timeout .. ' ' .. head.place .. ' ' .. head.born .. ' '
    .. head.nonce .. ' ' .. head.bytes .. head.rest
end

-- The head of a task, with the claim that holds it, its batch, its lane and its logs, and as text; nil when there is no such task.
function read(queue, id)
  local text, claim, batch, lane, logs = unpack(redis.call('HMGET', queue .. ':task:' .. id, 'head', 'claim', 'batch', 'lane',
    'logs'))
  if not text then return nil, nil end
  local head = parse(text)
  if clearedIn(queue, id, head.state, head.born) then return nil, nil end
  head.claim, head.batch, head.lane, head.logs = claim or '', batch or '', lane or '', logs or ''
  return head, text
end

-- What a task is made of: head, spec, core and lease; no head when there is no such task.
function recordOf(queue, id)
  local record = redis.call('HMGET', queue .. ':task:' .. id, 'head', 'spec', 'core', 'lease')
  if not record[1] or not clearsOf(queue)[1] then return record end
  local head = parse(record[1])
  return clearedIn(queue, id, head.state, head.born) and {false} or record
end
