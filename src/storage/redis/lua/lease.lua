-- needs: index, parking, record
-- gives: lease
--[[ Part of the claim: leases one task, as `claim` of the life cycle does. ]]
local spans, nexts = {}, {}

-- One more, as text. Tasks of one script have few different ones.
local function nextOf(text)
  if not nexts[text] then nexts[text] = tostring(text + 1) end
  return nexts[text]
end

-- When a lease of this length ends, and the end of its JSON. A length `+<grace>` is added to the timeout of the task.
local function spanOf(length, timeout, run)
  local key = length .. ' ' .. timeout
  if not spans[key] then
    local grace = string.match(length, '^%+(.*)$')
    local seconds = grace and timeout + grace or tonumber(length)
    local ends = string.format('%.17g', run.steady + seconds * 1000)
    local text = ',"startedAt":' .. run.wall .. ',"length":' .. string.format('%.17g', seconds)
    spans[key] = {ends, text .. ',"expiresAt":' .. ends .. '}'}
  end
  return unpack(spans[key])
end

-- `begin` is the beginning of the lease's JSON. Returns the new head as text.
function lease(queue, id, head, begin, length, run)
  local ends, rest = spanOf(length, head.timeout, run)
  leave(queue, id, head)
  follow(queue, head.lane, 'queued', 'processing')
  head.state, head.revision, head.sequence = 'processing', nextOf(head.revision), nextOf(head.sequence)
  head.attempt, head.started, head.claim = nextOf(head.attempt), run.wall, run.claim
  local written, task = format(head), queue .. ':task:' .. id
  redis.call('HSET', task, 'head', written, 'lease', begin .. rest)
  if run.claim ~= '' then redis.call('HSET', task, 'claim', run.claim) end
  enter(queue, id, head, ends)
  return written
end
