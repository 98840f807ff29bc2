-- gives: setScore, pendingScore, hasPending, readNumbers, numberOf, setNumber, increase, addTo, onGone
-- gives: discardPending, metaOf, increaseMeta, flush, writePending
--[[ Part of every script that writes: writes that many tasks of a script share are collected and sent at its end, with one
command for each key, see `writePending`. Until then nothing else may read them in Redis.
<queue>:meta  hash  number (last given), event (last id), endedBytes, turn (last given), prefixes (see `signatures.lua`),
aged and touch (see `ages.lua`), clears (last given, see `clears.lua`) ]]
-- By sorted set and member: the new score, or false for taking the member out.
local scores = {}
-- By hash and field: numbers as they are now, and those of them that have changed. A field is there while it is not 0.
local numbers, changed = {}, {}
-- By hash and field: what is added to numbers that no script reads; and by hash who is told of fields that end.
local sums, listeners = {}, {}

-- `score` is false for taking the id out.
function setScore(index, id, score)
  scores[index] = scores[index] or {}
  scores[index][id] = score
end

-- The score that is pending, false for an id that is taken out, nil when nothing is.
function pendingScore(index, id) return scores[index] and scores[index][id] end

function hasPending(index) return scores[index] ~= nil end

-- Reads fields together that will be asked for.
function readNumbers(hash, fields)
  local known = numbers[hash] or {}
  numbers[hash] = known
  for i, value in ipairs(redis.call('HMGET', hash, unpack(fields))) do
    known[fields[i]] = known[fields[i]] or tonumber(value or 0)
  end
end

function numberOf(hash, field)
  if not numbers[hash] or not numbers[hash][field] then readNumbers(hash, {field}) end
  return numbers[hash][field]
end

function setNumber(hash, field, value)
  numbers[hash] = numbers[hash] or {}
  changed[hash] = changed[hash] or {}
  numbers[hash][field], changed[hash][field] = value, value
end

-- Adds to a number; returns it.
function increase(hash, field, by)
  local value = numberOf(hash, field) + by
  setNumber(hash, field, value)
  return value
end

-- Adds to a number that no script reads.
function addTo(hash, field, by)
  sums[hash] = sums[hash] or {}
  sums[hash][field] = (sums[hash][field] or 0) + by
end

-- Calls `listener` with each field of a hash of such numbers that ends at 0.
function onGone(hash, listener) listeners[hash] = listener end

-- Forgets what is known of a key that was deleted, and what is pending for it.
function discardPending(key) scores[key], numbers[key], changed[key] = nil, nil, nil end

-- Asked for with every task, so its tables are kept by queue.
local metas, metasChanged = {}, {}

function metaOf(queue, name)
  local known = metas[queue]
  if not known then
    local meta = queue .. ':meta'
    readNumbers(meta, {'number', 'event', 'endedBytes', 'turn', 'prefixes', 'aged', 'touch'})
    known = numbers[meta]
    metas[queue] = known
  end
  return known[name]
end

-- Adds to a number of `meta`; returns it.
function increaseMeta(queue, name, by)
  local value = metaOf(queue, name) + by
  local fields = metasChanged[queue]
  if not fields then
    local meta = queue .. ':meta'
    changed[meta] = changed[meta] or {}
    fields = changed[meta]
    metasChanged[queue] = fields
  end
  metas[queue][name], fields[name] = value, value
  return value
end

local function send(command, key, args)
  for from = 1, #args, 1000 do redis.call(command, key, unpack(args, from, math.min(from + 999, #args))) end
end

-- Sends what is pending for a sorted set, which may be read then.
function flush(index)
  local added, gone, size, count = {}, {}, 0, 0
  for id, score in pairs(scores[index] or {}) do
    if score then
      added[size + 1], added[size + 2] = score, id
      size = size + 2
    else
      count = count + 1
      gone[count] = id
    end
  end
  send('ZADD', index, added)
  send('ZREM', index, gone)
  scores[index] = nil
end

local function writeNumbers(hash, fields)
  local present, gone = {}, {}
  for field, value in pairs(fields) do
    if value > 0 then present[#present + 1], present[#present + 2] = field, value else gone[#gone + 1] = field end
  end
  send('HSET', hash, present)
  send('HDEL', hash, gone)
end

local function writeSums(hash, fields)
  for field, by in pairs(fields) do
    if by ~= 0 and redis.call('HINCRBY', hash, field, by) <= 0 then
      redis.call('HDEL', hash, field)
      if listeners[hash] then listeners[hash](field) end
    end
  end
end

-- The last step of every script that writes.
function writePending()
  for index in pairs(scores) do flush(index) end
  for hash, fields in pairs(changed) do writeNumbers(hash, fields) end
  for hash, fields in pairs(sums) do writeSums(hash, fields) end
end
