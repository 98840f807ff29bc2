--[[ Part of every script that writes: what the ready tasks of a queue require.
<queue>:signatures  hash  how many by signature ]]
local signaturesIn = {}

-- As a list, and as a set in the same table.
local function signaturesOf(queue)
  local known = signaturesIn[queue]
  if known then return known end
  known = redis.call('HKEYS', queue .. ':signatures')
  for _, signature in ipairs(known) do known[signature] = true end
  signaturesIn[queue] = known
  return known
end

local function meet(queue, signature)
  local known = signaturesOf(queue)
  if not known[signature] then known[#known + 1], known[signature] = signature, true end
end
