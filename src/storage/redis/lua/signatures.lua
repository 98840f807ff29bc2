-- needs: ages, writes
-- gives: signaturesOf, isOnlyOne, countSignature, madeOf
--[[ Part of every script that writes: the requirements of the ready tasks of a queue. A signature is a sorted list of
`label=value` pairs.
<queue>:signatures  hash  number of ready tasks by signature
<queue>:prefixes    hash  number of ready tasks by each beginning of a signature, pair by pair. With it a claim finds the
signatures that a worker satisfies by the worker's pairs, however many others there are. Complete when `prefixes` of `meta`
is set. ]]
local FEW = 16
local signaturesIn, watched = {}, {}

-- The signatures of a queue, as a list and as a set in one table. With more than `FEW` it has only `isMany`.
function signaturesOf(queue)
  local known = signaturesIn[queue]
  if known then return known end
  known = {isMany = redis.call('HLEN', queue .. ':signatures') > FEW}
  for i, signature in ipairs(known.isMany and {} or redis.call('HKEYS', queue .. ':signatures')) do
    known[i], known[signature] = signature, true
  end
  signaturesIn[queue] = known
  return known
end

-- Whether all ready tasks of the queue have the same signature.
function isOnlyOne(queue)
  local known = signaturesOf(queue)
  return not known.isMany and #known == 1
end

-- The beginnings of a signature, pair by pair, up to the whole.
local function prefixesOf(signature)
  local prefixes = {}
  for at in string.gmatch(signature .. ',', '(),') do prefixes[#prefixes + 1] = string.sub(signature, 1, at - 1) end
  return prefixes
end

-- Counts the prefixes of a queue that an earlier version wrote without them.
local function completePrefixes(queue)
  if metaOf(queue, 'prefixes') == 1 then return end
  setNumber(queue .. ':meta', 'prefixes', 1)
  local counts = redis.call('HGETALL', queue .. ':signatures')
  redis.call('DEL', queue .. ':prefixes')
  for i = 1, #counts, 2 do
    for _, prefix in ipairs(counts[i] == '' and {} or prefixesOf(counts[i])) do
      redis.call('HINCRBY', queue .. ':prefixes', prefix, counts[i + 1])
    end
  end
end

-- Counts ready tasks of a signature, by 1 or -1.
function countSignature(queue, signature, by)
  local known = signaturesOf(queue)
  if not known.isMany and by > 0 and not known[signature] then known[#known + 1], known[signature] = signature, true end
  if signature ~= '' then
    completePrefixes(queue)
    for _, prefix in ipairs(prefixesOf(signature)) do addTo(queue .. ':prefixes', prefix, by) end
  end
  addTo(queue .. ':signatures', signature, by)
  if metaOf(queue, 'aged') > 0 and not watched[queue] then
    watched[queue] = true
    onGone(queue .. ':signatures', function(gone) dropAges(queue, gone) end)
  end
end

-- Reads any number of fields of a hash.
local function valuesOf(hash, fields)
  local values = {}
  for from = 1, #fields, 1000 do
    local some = redis.call('HMGET', hash, unpack(fields, from, math.min(from + 999, #fields)))
    for i = 1, #some do values[from + i - 1] = some[i] end
  end
  return values
end

-- The signatures of ready tasks that consist of some of these pairs, which are sorted.
function madeOf(queue, offered)
  completePrefixes(queue)
  local found, nodes = {''}, {{'', 0}}
  while nodes[1] do
    local fields, nexts = {}, {}
    for _, node in ipairs(nodes) do
      for i = node[2] + 1, #offered do
        fields[#fields + 1] = node[1] == '' and offered[i] or node[1] .. ',' .. offered[i]
        nexts[#nexts + 1] = {fields[#fields], i}
      end
    end
    nodes = {}
    local counts, whole = valuesOf(queue .. ':prefixes', fields), valuesOf(queue .. ':signatures', fields)
    for i, node in ipairs(nexts) do
      if counts[i] then nodes[#nodes + 1] = node end
      if whole[i] then found[#found + 1] = node[1] end
    end
  end
  return found
end
