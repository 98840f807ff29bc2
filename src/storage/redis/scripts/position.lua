--[[ Says after how many claims a task is handed out at the latest.
KEYS[1]  the queue
ARGV[1]  id   ARGV[2] priority   ARGV[3] lane
Returns the number, or false when the task is not ready. ]]
local queue, id, priority, lane = KEYS[1], unpack(ARGV)
if not isLaned(queue) then
  local rank = redis.call('ZRANK', queue .. ':ready', id)
  return rank and rank + 1
end
local place = redis.call('ZSCORE', keyOf(queue, priority, lane), id)
if not place then return false end
local _, group = partsOf(lane)
local rank, higher = 0, 0
for _, signature in ipairs(redis.call('HKEYS', queue .. ':signatures')) do
  local key = keyOf(queue, priority, laneOf(signature, group))
  rank = rank + redis.call('ZCOUNT', key, placesOf(priority), '(' .. place)
end
local levels = redis.call('HGETALL', queue .. ':levels')
local sizes = {}
for i = 1, #levels, 2 do
  sizes[levels[i]] = tonumber(levels[i + 1])
  local level = tonumber(levels[i])
  if level and level > tonumber(priority) then higher = higher + levels[i + 1] end
end
return higher + math.min((rank + 1) * sizes['r' .. priority], sizes[priority])
