--[[ Reads indices of queues by birth, the youngest tasks first. A task that moves from one to another is in one of them.
KEYS     the indices
ARGV[1]  at most so many of each
ARGV     then for each index where to begin, as ZRANGE takes it
Returns for each: id, birth, id, birth, … ]]
local lists = {}
for i, index in ipairs(KEYS) do
  -- An earlier version may have left the counts of another batch there, see `batch.lua`.
  local isIndex = not string.find(index, ':batch:', 1, true) or redis.call('TYPE', index).ok ~= 'hash'
  lists[i] = isIndex and redis.call('ZRANGE', index, ARGV[i + 1], '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[1], 'WITHSCORES') or {}
end
return lists
