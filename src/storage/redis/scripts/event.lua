--[[ Part of every script that makes transitions: tells of them in the same atomic step.
<queue>:events  stream  field `event`: the text of each, ids as in the text
<queue>:outbox  stream  fields `to`, `event`: those that somebody else has to be told, until that is taken on ]]
local time = redis.call('TIME')
-- Ids are unique over all queues.
local told, latest = {}, time[1] * 1000000 + time[2] - 1

-- Microseconds of the server's clock; later than the one before, whatever the clock does.
local function nextEvent(queue)
  latest = math.max(latest, count(queue, 'event', 0)) + 1
  put(queue .. ':meta', 'event', latest)
  return string.format('%.0f', latest)
end

-- Behind the channel, after a blank, may be whom else to tell.
local function tell(queue, id, target, length, text)
  local event = '{"id":' .. id .. ',' .. text
  local channel, to = string.match(target, '^(%S+) ?(.*)$')
  if to ~= '' then redis.call('XADD', queue .. ':outbox', '*', 'to', to, 'event', event) end
  redis.call('XADD', queue .. ':events', id .. '-0', 'event', event)
  redis.call('PUBLISH', channel, event)
  told[queue] = length
  return id
end

-- Of each stream about as many entries are kept as was told.
local function trimEvents()
  for queue, length in pairs(told) do redis.call('XTRIM', queue .. ':events', 'MAXLEN', '~', length) end
end
