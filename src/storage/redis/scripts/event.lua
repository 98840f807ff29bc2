--[[ Part of every script that makes transitions: tells of them in the same atomic step.
<queue>:events  stream  field `event`: the text of each, ids as in the text ]]

-- The clock may stand still while a script runs, and ids are unique over all queues.
local latest = 0

-- Microseconds of the server's clock; later than the one before, whatever the clock does.
local function nextEvent(queue)
  local time = redis.call('TIME')
  local last = redis.call('HGET', queue .. ':meta', 'event') or 0
  latest = math.max(time[1] * 1000000 + time[2], last + 1, latest + 1)
  local id = string.format('%.0f', latest)
  redis.call('HSET', queue .. ':meta', 'event', id)
  return id
end

local function tell(queue, id, channel, length, text)
  local event = '{"id":' .. id .. ',' .. text
  redis.call('XADD', queue .. ':events', 'MAXLEN', '~', length, id .. '-0', 'event', event)
  redis.call('PUBLISH', channel, event)
  return id
end
