-- needs: lanes, rings, writes
-- gives: park, unparkSome, countInGroup
--[[ Part of every script that writes: groups at their limit.
<queue>:active          hash  number of processing tasks by group
<queue>:parked          set   groups that were at their limit when a claim met them
<queue>:loosened        set   parked groups that a new setting has released, and groups with many lanes to unpark. Claims
unpark some in each step before they take tasks; the field `loosened` of the settings tells them to
<queue>:parked:<group>  set   `<signature> <priority>` of its lanes that are out of the rings
LOOSENED is the most lanes that one step unparks. ]]
local LOOSENED = 120
local parked = {}

-- Takes a lane of a group at its limit out of its ring.
function park(queue, signature, round, priority, group)
  leaveRing(queue, signature, round)
  redis.call('SADD', queue .. ':parked', group)
  redis.call('SADD', queue .. ':parked:' .. group, signature .. ' ' .. priority)
end

-- Puts lanes of a group back into the rings, up to `LOOSENED`. Returns their number. Claims put back the rest.
local function unpark(queue, group)
  if redis.call('SREM', queue .. ':parked', group) + redis.call('SREM', queue .. ':loosened', group) == 0 then return 0 end
  local lanes = redis.call('SPOP', queue .. ':parked:' .. group, LOOSENED)
  for _, lane in ipairs(lanes) do
    local signature, priority = string.match(lane, '^(%S*) (.*)$')
    if oldest(queue, priority, laneOf(signature, group)) then
      enterRing(queue, signature, priority .. ' ' .. group, priority)
    end
  end
  if #lanes == LOOSENED then
    redis.call('SADD', queue .. ':loosened', group)
    redis.call('HSET', queue .. ':settings', 'loosened', 1)
  end
  return #lanes
end

-- Unparks some released groups. Returns whether none is left.
function unparkSome(queue)
  local size = 0
  for _, group in ipairs(redis.call('SRANDMEMBER', queue .. ':loosened', LOOSENED)) do
    if size < LOOSENED then size = size + 1 + unpark(queue, group) end
  end
  if redis.call('EXISTS', queue .. ':loosened') == 1 then return false end
  redis.call('HDEL', queue .. ':settings', 'loosened')
  return true
end

-- Counts a change of state in the group of the task, and unparks the group when a task of it ends.
function countInGroup(queue, lane, from, to)
  if lane == '' then return end
  local _, group = partsOf(lane)
  if group == '' or (from == 'processing') == (to == 'processing') then return end
  increase(queue .. ':active', group, to == 'processing' and 1 or -1)
  if to == 'processing' then return end
  if parked[queue] == nil then parked[queue] = redis.call('EXISTS', queue .. ':parked', queue .. ':loosened') > 0 end
  if parked[queue] then unpark(queue, group) end
end
