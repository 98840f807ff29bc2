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

-- How many there are by field of a hash: what many tasks of a script change is written at the end, like the counters.
local tallies = {}

local function tally(hash, field, by)
  tallies[hash] = tallies[hash] or {}
  tallies[hash][field] = (tallies[hash][field] or 0) + by
end

local function writeTallies()
  for hash, fields in pairs(tallies) do
    for field, by in pairs(fields) do
      if by ~= 0 and redis.call('HINCRBY', hash, field, by) <= 0 then redis.call('HDEL', hash, field) end
    end
  end
end

local function writeCounters()
  for queue, values in pairs(counters) do
    redis.call('HSET', queue .. ':meta', 'number', values.number, 'event', values.event, 'endedBytes', values.endedBytes)
  end
end
