-- gives: changed, warm, numberOf, put, increase, disregardNumbers, metaOf, count
--[[ Part of every script that writes: numbers in hashes, written at the end like the notes. They are read
once. A field is there while it counts something.
<queue>:meta  hash  number (last given), event (last id), endedBytes, turn (last given), prefixes (see `signatures.lua`),
aged and touch (see `ages.lua`), clears (last given, see `marks.lua`) ]]
local numbers = {}
changed = {}

-- Reads fields together that will be asked for.
function warm(hash, fields)
  local known = numbers[hash] or {}
  numbers[hash] = known
  for i, value in ipairs(redis.call('HMGET', hash, unpack(fields))) do
    known[fields[i]] = known[fields[i]] or tonumber(value or 0)
  end
end

function numberOf(hash, field)
  if not numbers[hash] or not numbers[hash][field] then warm(hash, {field}) end
  return numbers[hash][field]
end

function put(hash, field, value)
  numbers[hash] = numbers[hash] or {}
  changed[hash] = changed[hash] or {}
  numbers[hash][field], changed[hash][field] = value, value
end

-- Adds to a number; returns it.
function increase(hash, field, by)
  local value = numberOf(hash, field) + by
  put(hash, field, value)
  return value
end

-- What is known of a hash that was deleted is not right any more.
function disregardNumbers(hash) numbers[hash], changed[hash] = nil, nil end

-- Asked for with every task, so its tables are kept by queue.
local metas, metasChanged = {}, {}

function metaOf(queue, name)
  local known = metas[queue]
  if not known then
    local meta = queue .. ':meta'
    warm(meta, {'number', 'event', 'endedBytes', 'turn', 'prefixes', 'aged', 'touch'})
    known = numbers[meta]
    metas[queue] = known
  end
  return known[name]
end

-- Adds to a counter of the queue; returns it.
function count(queue, name, by)
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
