--[[ Part of every script that writes: what many tasks of a script change alike is noted, and written at the end with one
command for each key. Until then nobody may read it in Redis.
<queue>:meta  hash  number (last given), event (last id), endedBytes ]]
local scores, counters = {}, {}

-- `score` is false for taking the id out.
local function note(index, id, score)
  scores[index] = scores[index] or {}
  scores[index][id] = score
end

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

local function send(command, key, args)
  for from = 1, #args, 1000 do redis.call(command, key, unpack(args, from, math.min(from + 999, #args))) end
end

local function flush(index)
  local added, gone = {}, {}
  for id, score in pairs(scores[index] or {}) do
    if score then added[#added + 1], added[#added + 2] = score, id else gone[#gone + 1] = id end
  end
  send('ZADD', index, added)
  send('ZREM', index, gone)
  scores[index] = nil
end

local function writeNotes()
  for index in pairs(scores) do flush(index) end
  for queue, values in pairs(counters) do
    redis.call('HSET', queue .. ':meta', 'number', values.number, 'event', values.event, 'endedBytes', values.endedBytes)
  end
end
