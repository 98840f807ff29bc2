--[[ Reads indices of a queue by birth, the youngest tasks first. A task that moves from one to another is in one of them.
KEYS     the indices
ARGV[1]  where to begin, as ZRANGE takes it
ARGV[2]  at most so many of each
Returns for each: id, birth, id, birth, … ]]
local lists = {}
for i, index in ipairs(KEYS) do
  -- An earlier version may have left the counts of another batch there, see `batch.lua`.
  local isIndex = redis.call('TYPE', index).ok ~= 'hash'
  lists[i] = isIndex and redis.call('ZRANGE', index, ARGV[1], '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[2], 'WITHSCORES') or {}
end
return lists
