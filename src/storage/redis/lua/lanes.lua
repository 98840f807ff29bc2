-- needs: clears, record
-- gives: AGES, HIGHEST_PRIORITY, fresh, isLaned, becomeLaned, priorityOf, placesOf, partsOf, laneOf, keyOf
-- gives: isStale, freshen, oldest
--[[ Part of every script that writes: ready tasks. A queue has no lanes until one of its tasks has a group or a requirement. A
lane has the tasks of one priority, group and signature (what they require): `<signature> <group>`. The groups of a
priority take turns; a round is `<priority> <group>`.
<queue>:ready                    zset  ids of the lane without group and signature, of all priorities, by place
<queue>:ready:<priority>:<lane>  zset  ids of another lane by place
<queue>:round:<round>            zset  ids of all lanes of a round with a signature, by place
<queue>:waiting                  hash  number of tasks by round; a queue without this key has no lanes
<queue>:levels                   hash  number of tasks by priority, and of rounds by `r<priority>`
`fresh` has the keys that this script has already freed of cleared tasks. ]]
AGES, HIGHEST_PRIORITY = 4398046511104, 1000
local laned = {}
fresh = {}

-- Whether the queue has lanes.
function isLaned(queue)
  if laned[queue] == nil then laned[queue] = redis.call('EXISTS', queue .. ':waiting') == 1 end
  return laned[queue]
end

-- Notes that the queue has lanes from now on.
function becomeLaned(queue) laned[queue] = true end

-- The priority of a place.
function priorityOf(place) return HIGHEST_PRIORITY - math.floor(place / AGES) end

-- The lowest place of a priority.
function placesOf(priority) return string.format('%d', (HIGHEST_PRIORITY - priority) * AGES) end

-- The signature and the group of a lane.
function partsOf(lane)
  local signature, group = string.match(lane, '^(%S*) (.*)$')
  return signature or '', group or ''
end

-- The lane of a signature and a group; '' without both.
function laneOf(signature, group) return signature .. group == '' and '' or signature .. ' ' .. group end

-- The key of a lane of a priority.
function keyOf(queue, priority, lane)
  return queue .. ':ready' .. (lane == '' and '' or ':' .. priority .. ':' .. lane)
end

-- Whether a lane or a round is unchanged since a clear. Then all its tasks are cleared.
function isStale(queue, key)
  if not clearedTurn(queue) then return false end
  local id = redis.call('ZRANGE', key, 0, 0)[1]
  local text = id and redis.call('HGET', queue .. ':task:' .. id, 'head')
  local head = text and parse(text)
  return id and clearedIn(queue, id, head and head.state or 'queued', head and head.born) ~= nil
end

-- Removes a lane or a round that is unchanged since a clear. Call it before reading it or adding to it.
function freshen(queue, key)
  if fresh[key] then return end
  fresh[key] = true
  if isStale(queue, key) then redis.call('UNLINK', key) end
end

-- The id and the place of the oldest task of a lane, as texts; nothing for an empty lane.
function oldest(queue, priority, lane)
  local key = keyOf(queue, priority, lane)
  freshen(queue, key)
  return unpack(redis.call('ZRANGE', key, placesOf(priority), '(' .. placesOf(priority - 1),
    'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES'))
end
