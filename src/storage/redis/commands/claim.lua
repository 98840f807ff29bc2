-- needs: ageing, events, index, lanes, leasing, limits, parking, rings, turns, writes
--[[ Leases ready tasks in the order of their queues. A claim that still holds tasks gets those instead.
KEYS     the queues to take from, in order, then further queues in which the claim may hold tasks
ARGV     how many of the queues to take from; the claim (or ''); 1 to look for tasks that the claim holds, 0 in a further
         step of a call; the time on the wall, on the steady scale, and as JSON; the channel; entries that the event
         stream keeps; how many expired tasks to pass over; characters of payloads after which they are left out; what
         the worker offers (see `limits.lua`);
         then for each lease: the beginning of its JSON, its length (see `leasing.lua`), the end of its event
Returns five lists:
- tasks that the claim held already, each as {number of the queue, head, spec, core, lease};
- claimed tasks in the order of the leases, each as {event, head, spec, core, payload, checkpoint}; payload and checkpoint
  are false when they were left out, and the checkpoint when there is none;
- expired tasks that were passed over, each as {head, spec, core};
- entries without a record that were taken out, each as {queue, id};
- 1 when the step was cut before it was known whether more tasks are ready, else 0. ]]
-- Write: takes tasks of a queue with lanes, one after the other.
local function takeFromLanes(queue, limits, run)
  while run.left > 0 and not run.isCut and hasRoom(limits, run.steady) and #run.expired + #dangling < run.passOver do
    local task = choose(queue, limits, run)
    if not task then return end
    if take(queue, task.id, run, task) then
      spendLimits(queue, limits, run.steady)
      sendBack(queue, task)
    end
    run.isCut = run.looks >= LOOKS
  end
end

-- Write: takes tasks of a queue without lanes, in portions.
local function takePlain(queue, limits, run)
  local seen, ids = 0, nil
  repeat
    local isOpen = run.left > 0 and hasRoom(limits, run.steady)
    ids = isOpen and redis.call('ZRANGE', queue .. ':ready', seen, seen + run.left - 1) or {}
    seen = seen + #ids
    for _, id in ipairs(ids) do
      if hasRoom(limits, run.steady) and take(queue, id, run) then spendLimits(queue, limits, run.steady) end
    end
  until #ids == 0 or #run.expired + #dangling >= run.passOver
end

-- Read: the arguments.
local SHARED, WIDTH = 11, 3
local takeFrom, claim, looksFirst, wall, steady, instant, channel, length, passOver, room, offer = unpack(ARGV, 1, SHARED)
local held = {}
local run = {claimed = {}, expired = {}, claim = claim, wall = wall, steady = steady, instant = instant,
  channel = channel, length = length, passOver = tonumber(passOver), room = tonumber(room), offer = offer,
  pairs = {}, signatures = {}, looks = 0, settled = 0, isCut = false}
for pair in string.gmatch(offer, '[^,]+') do run.pairs[#run.pairs + 1] = pair end
table.sort(run.pairs)
run.grantOf = function(number) return unpack(ARGV, SHARED + number * WIDTH + 1, SHARED + (number + 1) * WIDTH) end
-- Read: the tasks that the claim holds, with a lease that has not ended.
for q, queue in ipairs(looksFirst == '1' and claim ~= '' and KEYS or {}) do
  for _, id in ipairs(redis.call('SMEMBERS', queue .. ':claim:' .. claim)) do
    local ends = redis.call('ZSCORE', queue .. ':leases', id)
    local isGood = ends and tonumber(ends) > tonumber(steady)
    local fields = isGood and redis.call('HMGET', queue .. ':task:' .. id, 'head', 'spec', 'core', 'lease')
    if fields and fields[1] then held[#held + 1] = {q, unpack(fields, 1, 4)} end
  end
end
-- Write: leases for ready tasks, unless the claim holds some. `limits.lua` and `leasing.lua` check each.
run.left = #held > 0 and 0 or (#ARGV - SHARED) / WIDTH
run.ahead = run.left
for q = 1, run.left > 0 and tonumber(takeFrom) or 0 do
  if run.isCut then break end
  local queue = KEYS[q]
  local limits = limitsOf(queue)
  if limits.loosened and isLaned(queue) then run.isCut = not unparkSome(queue) end
  if run.isCut then break end
  if limits.ageing then takeAged(queue, limits, run)
  elseif isLaned(queue) then takeFromLanes(queue, limits, run) else takePlain(queue, limits, run) end
end
-- Write: the events, then what was collected.
endEvents()
writePending()
return {held, run.claimed, run.expired, dangling, run.isCut and 1 or 0}
