--[[ Part of every script that writes: groups that are held back.
<queue>:active          hash  tasks in `processing` by group
<queue>:parked          set   groups that were at their limit when a claim met them
<queue>:parked:<group>  set   `<signature> <priority>` of its lanes that are out of the rings ]]
local parked = {}

local function park(queue, signature, round, priority, group)
  leaveRing(queue, signature, round)
  redis.call('SADD', queue .. ':parked', group)
  redis.call('SADD', queue .. ':parked:' .. group, signature .. ' ' .. priority)
end

local function unpark(queue, group)
  if redis.call('SREM', queue .. ':parked', group) == 0 then return end
  for _, lane in ipairs(redis.call('SMEMBERS', queue .. ':parked:' .. group)) do
    local signature, priority = string.match(lane, '^(%S*) (.*)$')
    if oldest(queue, priority, laneOf(signature, group)) then
      enterRing(queue, signature, priority .. ' ' .. group, priority)
    end
  end
  redis.call('DEL', queue .. ':parked:' .. group)
end

-- A task goes from a state to another.
local function follow(queue, lane, from, to)
  if lane == '' then return end
  local _, group = partsOf(lane)
  if group == '' or (from == 'processing') == (to == 'processing') then return end
  increase(queue .. ':active', group, to == 'processing' and 1 or -1)
  if to == 'processing' then return end
  if parked[queue] == nil then parked[queue] = redis.call('EXISTS', queue .. ':parked') == 1 end
  if parked[queue] then unpark(queue, group) end
end
