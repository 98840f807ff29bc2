-- needs: clears
-- gives: parse, format, read, recordOf
--[[ Part of every script: the record of a task.
<queue>:task:<id>  hash  head, spec, core, lease, claim, batch, lane (see `lanes.lua`), payload, output, checkpoint; each
finished attempt as `attempt:<n>`, where n counts up; `logs`, see `logs.lua`
Scripts read only the head: words between blanks, in the order of `parse`. ]]
local WORDS = '^' .. string.rep('(%S+) ', 11) .. '(%S+)(.*)$'

-- The words of a head. `rest` is kept as it is, with the words of later versions. Its first word is the size: bytes of
-- spec, payload, checkpoint and finished attempts. Its second word, if any, is the deadline of the task, or '-'. Claim,
-- batch, lane and logs are fields of their own; callers add them.
function parse(text)
  local state, revision, sequence, attempt, created, started, startBy, timeout, place, born, nonce, bytes, rest =
    string.match(text, WORDS)
  return {state = state, revision = revision, sequence = sequence, attempt = attempt, created = created,
    started = started, startBy = startBy, timeout = timeout, place = place, born = born, nonce = nonce, bytes = bytes,
    rest = rest}
end

-- The head as text, the inverse of `parse`.
function format(head)
  return head.state .. ' ' .. head.revision .. ' ' .. head.sequence .. ' ' .. head.attempt .. ' ' .. head.created .. ' '
    .. head.started .. ' ' .. head.startBy .. ' ' .. head.timeout .. ' ' .. head.place .. ' ' .. head.born .. ' '
    .. head.nonce .. ' ' .. head.bytes .. head.rest
end

-- The head of a task with its claim, batch, lane and logs, and the head as text; nil when there is no such task.
function read(queue, id)
  local text, claim, batch, lane, logs = unpack(redis.call('HMGET', queue .. ':task:' .. id, 'head', 'claim', 'batch', 'lane',
    'logs'))
  if not text then return nil, nil end
  local head = parse(text)
  if clearedIn(queue, id, head.state, head.born) then return nil, nil end
  head.claim, head.batch, head.lane, head.logs = claim or '', batch or '', lane or '', logs or ''
  return head, text
end

-- Head, spec, core and lease of a task; no head when there is no such task.
function recordOf(queue, id)
  local record = redis.call('HMGET', queue .. ':task:' .. id, 'head', 'spec', 'core', 'lease')
  if not record[1] or not clearsOf(queue)[1] then return record end
  local head = parse(record[1])
  return clearedIn(queue, id, head.state, head.born) and {false} or record
end
