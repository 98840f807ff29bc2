--[[ Part of every script that writes: tasks that are ready. A queue is plain until one of them has a group or requires
something. Then it has lanes: what requires the same of a group at one priority, `<signature> <group>`. The groups of a
priority take turns: a round is `<priority> <group>`.
<queue>:ready                    zset  ids of the lane without both, of all priorities, by place
<queue>:ready:<priority>:<lane>  zset  ids of another lane by place
<queue>:round:<round>            zset  ids of all lanes of a round that require something, by place
<queue>:waiting                  hash  how many by round; a queue without it is plain
<queue>:levels                   hash  how many by priority, and rounds by `r<priority>` ]]
local AGES, HIGHEST_PRIORITY = 4398046511104, 1000
local laned = {}

local function isLaned(queue)
  if laned[queue] == nil then laned[queue] = redis.call('EXISTS', queue .. ':waiting') == 1 end
  return laned[queue]
end

local function priorityOf(place) return HIGHEST_PRIORITY - math.floor(place / AGES) end

-- Where the places of a priority begin.
local function placesOf(priority) return string.format('%d', (HIGHEST_PRIORITY - priority) * AGES) end

local function partsOf(lane)
  local signature, group = string.match(lane, '^(%S*) (.*)$')
  return signature or '', group or ''
end

local function laneOf(signature, group) return signature .. group == '' and '' or signature .. ' ' .. group end

local function keyOf(queue, priority, lane)
  return queue .. ':ready' .. (lane == '' and '' or ':' .. priority .. ':' .. lane)
end

-- The id and the place of the oldest task of a lane, as texts.
local function oldest(queue, priority, lane)
  return unpack(redis.call('ZRANGE', keyOf(queue, priority, lane), placesOf(priority), '(' .. placesOf(priority - 1),
    'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES'))
end
