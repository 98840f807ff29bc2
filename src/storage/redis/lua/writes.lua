-- gives: setScore, pendingScore, hasPending, readNumbers, numberOf, setNumber, increase, addTo, onGone
-- gives: discardPending, metaOf, increaseMeta, flush, writePending
--[[ Part of every script that writes: writes that tasks of a script share. They are collected and sent at the end by
`writePending`, with one command for each key. Until then nothing else may read these keys in Redis.
<queue>:meta  hash  number (last given), event (last id), endedBytes, turn (last given), prefixes (see `signatures.lua`),
aged and touch (see `ages.lua`), clears (last given, see `clears.lua`) ]]
-- By sorted set and member: the new score, or false to remove the member.
local scores = {}
-- By hash and field: present numbers, and the changed ones among them. A field exists while its number is not 0.
local numbers, changed = {}, {}
-- By hash and field: additions to numbers that the script does not read. By hash: a listener for fields that reach 0.
local sums, listeners = {}, {}

-- Sets the score of an id in a sorted set; false removes the id.
function setScore(index, id, score)
  scores[index] = scores[index] or {}
  scores[index][id] = score
end

-- The pending score of an id, false for a pending removal, nil for neither.
function pendingScore(index, id) return scores[index] and scores[index][id] end

-- Whether writes are pending for a sorted set.
function hasPending(index) return scores[index] ~= nil end

-- Reads fields together that `numberOf` will need.
function readNumbers(hash, fields)
  local known = numbers[hash] or {}
  numbers[hash] = known
  for i, value in ipairs(redis.call('HMGET', hash, unpack(fields))) do
    known[fields[i]] = known[fields[i]] or tonumber(value or 0)
  end
end

-- The number in a field of a hash; 0 for a missing field.
function numberOf(hash, field)
  if not numbers[hash] or not numbers[hash][field] then readNumbers(hash, {field}) end
  return numbers[hash][field]
end

-- Sets a number. A number of 0 removes its field.
function setNumber(hash, field, value)
  numbers[hash] = numbers[hash] or {}
  changed[hash] = changed[hash] or {}
  numbers[hash][field], changed[hash][field] = value, value
end

-- Adds to a number. Returns the sum.
function increase(hash, field, by)
  local value = numberOf(hash, field) + by
  setNumber(hash, field, value)
  return value
end

-- Adds to a number that this script does not read.
function addTo(hash, field, by)
  sums[hash] = sums[hash] or {}
  sums[hash][field] = (sums[hash][field] or 0) + by
end

-- Calls `listener` with each field of a hash that `addTo` has brought to 0.
function onGone(hash, listener) listeners[hash] = listener end

-- Discards what is known and pending of a deleted key.
function discardPending(key) scores[key], numbers[key], changed[key] = nil, nil, nil end

-- Every task needs `meta`, so its tables are cached by queue.
local metas, metasChanged = {}, {}

-- A number of `meta`.
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

-- Adds to a number of `meta`. Returns the sum.
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

-- Sends the pending writes of a sorted set, which can be read afterwards.
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

-- Sends all pending writes. The last step of every script that writes.
function writePending()
  for index in pairs(scores) do flush(index) end
  for hash, fields in pairs(changed) do writeNumbers(hash, fields) end
  for hash, fields in pairs(sums) do writeSums(hash, fields) end
end
