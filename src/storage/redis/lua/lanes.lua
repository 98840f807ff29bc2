-- needs: clears, record
-- gives: AGES, HIGHEST_PRIORITY, fresh, isLaned, becomeLaned, priorityOf, placesOf, partsOf, laneOf, keyOf
-- gives: isStale, freshen, oldest
--[[ Part of every script that writes: tasks that are ready. A queue is plain until one of them has a group or requires
something. Then it has lanes: what requires the same of a group at one priority, `<signature> <group>`. The groups of a
priority take turns: a round is `<priority> <group>`.
<queue>:ready                    zset  ids of the lane without both, of all priorities, by place
<queue>:ready:<priority>:<lane>  zset  ids of another lane by place
<queue>:round:<round>            zset  ids of all lanes of a round that require something, by place
<queue>:waiting                  hash  how many by round; a queue without it is plain
<queue>:levels                   hash  how many by priority, and rounds by `r<priority>` ]]
AGES, HIGHEST_PRIORITY = 4398046511104, 1000
local laned = {}
fresh = {}

function isLaned(queue)
  if laned[queue] == nil then laned[queue] = redis.call('EXISTS', queue .. ':waiting') == 1 end
  return laned[queue]
end

function becomeLaned(queue) laned[queue] = true end

function priorityOf(place) return HIGHEST_PRIORITY - math.floor(place / AGES) end

-- Where the places of a priority begin.
function placesOf(priority) return string.format('%d', (HIGHEST_PRIORITY - priority) * AGES) end

function partsOf(lane)
  local signature, group = string.match(lane, '^(%S*) (.*)$')
  return signature or '', group or ''
end

function laneOf(signature, group) return signature .. group == '' and '' or signature .. ' ' .. group end

function keyOf(queue, priority, lane)
  return queue .. ':ready' .. (lane == '' and '' or ':' .. priority .. ':' .. lane)
end

-- Whether a lane or a round is as a clear has left it: then all that is in it is cleared.
function isStale(queue, key)
  if not clearedTurn(queue) then return false end
  local id = redis.call('ZRANGE', key, 0, 0)[1]
  local text = id and redis.call('HGET', queue .. ':task:' .. id, 'head')
  local head = text and parse(text)
  return id and clearedIn(queue, id, head and head.state or 'queued', head and head.born) ~= nil
end

-- Empties a lane or a round that is as a clear has left it, before anything is looked for there or put there.
function freshen(queue, key)
  if fresh[key] then return end
  fresh[key] = true
  if isStale(queue, key) then redis.call('UNLINK', key) end
end

-- The id and the place of the oldest task of a lane, as texts.
function oldest(queue, priority, lane)
  local key = keyOf(queue, priority, lane)
  freshen(queue, key)
  return unpack(redis.call('ZRANGE', key, placesOf(priority), '(' .. placesOf(priority - 1),
    'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES'))
end
