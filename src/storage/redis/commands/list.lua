--[[ Reads indices of queues by birth, the youngest tasks first. One script reads all of them, so that a task which moves
between two is in exactly one.
KEYS     the indices
ARGV[1]  the most tasks of each index
ARGV     then for each index where to begin, as an argument of ZRANGE
Returns for each index: id, birth, id, birth, … ]]
-- Read: a page of each index.
local lists = {}
for i, index in ipairs(KEYS) do
  -- An earlier version may have left the counts of another batch at this key, see `batch.lua`.
  local isIndex = not string.find(index, ':batch:', 1, true) or redis.call('TYPE', index).ok ~= 'hash'
  lists[i] = isIndex and redis.call('ZRANGE', index, ARGV[i + 1], '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[1], 'WITHSCORES') or {}
end
return lists
