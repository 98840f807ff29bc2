--[[ Part of every script that writes: the counters of a queue. They are read once, and written by `writeCounters`; until
then nobody may read them in Redis.
<queue>:meta  hash  number (last given), event (last id), endedBytes ]]
local counters = {}

-- Adds to a counter of the queue; returns it.
local function count(queue, name, by)
  local values = counters[queue]
  if not values then
    local number, event, bytes = unpack(redis.call('HMGET', queue .. ':meta', 'number', 'event', 'endedBytes'))
    values = {number = number or 0, event = event or 0, endedBytes = bytes or 0}
    counters[queue] = values
  end
  values[name] = values[name] + by
  return values[name]
end

local function writeCounters()
  for queue, values in pairs(counters) do
    redis.call('HSET', queue .. ':meta', 'number', values.number, 'event', values.event, 'endedBytes', values.endedBytes)
  end
end
