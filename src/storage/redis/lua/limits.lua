-- gives: limitsOf, hasRoom, spendLimits, satisfies
--[[ Part of the claim: the limits of a queue, see `redis-queue-settings.ts` and `configure.lua`. ]]
-- Reads the limits of a queue.
function limitsOf(queue)
  local paused, most, group, tasks, per, ageing, loosened, outage, over, probe = unpack(redis.call('HMGET', queue
    .. ':settings', 'paused', 'maxConcurrency', 'maxConcurrencyPerGroup', 'rateTasks', 'ratePer', 'priorityAgeing',
    'loosened', 'outageSince', 'outageUntil', 'probeAt'))
  local limits = {free = math.huge, group = tonumber(group), tasks = tonumber(tasks), ageing = tonumber(ageing),
    loosened = loosened}
  if most then limits.free = most - redis.call('ZCARD', queue .. ':state:processing') end
  if paused then limits.free = 0 end
  -- In an outage one task is claimed per interval. `probeAt` is the earliest time of the next, on the steady scale.
  if outage and not over then limits.probe = tonumber(probe or -math.huge) end
  if tasks then
    limits.interval = per * 1000 / tasks
    limits.full = tonumber(redis.call('GET', queue .. ':full') or -math.huge)
  end
  return limits
end

-- As PROBE_INTERVAL_MS of `outage-guard.ts`.
local PROBE = 1000

-- Whether an outage allows a task now. Ignores the time of a probe that a clock ahead of this one has set.
local function isProbeDue(limits, steady)
  return not limits.probe or limits.probe <= steady or limits.probe > steady + 2 * PROBE
end

-- Ignores the time of a bucket that a clock ahead of this one has set: it is later than that of an empty bucket.
local function believe(limits, steady)
  if limits.full > steady + limits.tasks * limits.interval + 1000 then limits.full = -math.huge end
end

-- Whether the limits allow one more task now.
function hasRoom(limits, steady)
  if limits.tasks then believe(limits, steady) end
  return limits.free > 0 and isProbeDue(limits, tonumber(steady))
    and (not limits.tasks or limits.full - (limits.tasks - 1) * limits.interval - steady <= 0)
end

-- Counts a task that was handed out.
function spendLimits(queue, limits, steady)
  limits.free = limits.free - 1
  if limits.probe then
    limits.probe = steady + PROBE
    redis.call('HSET', queue .. ':settings', 'probeAt', string.format('%.17g', limits.probe))
  end
  if not limits.tasks then return end
  limits.full = math.max(limits.full, steady) + limits.interval
  redis.call('SET', queue .. ':full', string.format('%.17g', limits.full))
end

-- Whether a worker that offers `,label=value,…,` satisfies a signature.
function satisfies(offer, signature)
  for pair in string.gmatch(signature, '[^,]+') do
    if not string.find(offer, ',' .. pair .. ',', 1, true) then return false end
  end
  return true
end
