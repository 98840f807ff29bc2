-- needs: ages, parking, writes
--[[ Changes the settings of a queue, and notifies every process.
KEYS[1]  the queue
ARGV[1]  its name   ARGV[2] the channel   ARGV[3] the time on the steady scale
ARGV     then for each field: its name, and its value, or '' to remove it
<queue>:settings  hash    see `redis-queue-settings.ts`
<queue>:full      string  the time at which the bucket of the rate limit is full
Returns the settings, as fields and values. Returns false after a step of work that must come first: unparking groups that
an earlier change released, and dropping ages. Then the caller calls again. ]]
-- Signatures whose ages one step drops.
local DROPPED = 150
-- Read: the settings before the change.
local settings, full = KEYS[1] .. ':settings', KEYS[1] .. ':full'
local function rate() return redis.call('HMGET', settings, 'rateTasks', 'ratePer') end
local function groupLimit() return tonumber(redis.call('HGET', settings, 'maxConcurrencyPerGroup') or math.huge) end
local before, groupsBefore = rate(), groupLimit()
-- Write: unparks some groups that an earlier change released. Check: whether that was all.
if redis.call('EXISTS', KEYS[1] .. ':loosened') == 1 and not unparkSome(KEYS[1]) then
  writePending()
  return false
end

-- Read: whether the change ends ageing.
local function endsAgeing()
  for i = 4, #ARGV, 2 do
    if ARGV[i] == 'priorityAgeing' and ARGV[i + 1] == '' then return true end
  end
  return false
end

-- Write: drops the ages of some signatures. Returns whether few are left.
local function dropSome(queue)
  local aged = queue .. ':aged'
  if redis.call('HLEN', aged) <= DROPPED then return true end
  for _, signature in ipairs(redis.call('HRANDFIELD', aged, DROPPED)) do
    -- The field ' ' has the settings.
    if signature ~= ' ' then
      redis.call('DEL', agesOf(queue, signature), agingOf(queue, signature))
      redis.call('HDEL', aged, signature)
    end
  end
  return false
end

-- Check: few ages are left. Write: otherwise ends this step.
if endsAgeing() and not dropSome(KEYS[1]) then
  writePending()
  return false
end
-- Write: the fields.
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', settings, ARGV[i])
  else redis.call('HSET', settings, ARGV[i], ARGV[i + 1]) end
end
-- Write: the bucket. A new rate starts with an empty one.
local tasks, per = unpack(rate())
if not tasks then
  redis.call('DEL', full)
elseif before[1] and (before[1] ~= tasks or before[2] ~= per) then
  redis.call('SET', full, string.format('%.17g', ARGV[3] + tasks * (per * 1000 / tasks)))
end
-- Write: releases parked groups under a higher limit; claims unpark them in steps.
if groupLimit() > groupsBefore and redis.call('EXISTS', KEYS[1] .. ':parked') == 1 then
  redis.call('RENAME', KEYS[1] .. ':parked', KEYS[1] .. ':loosened')
  redis.call('HSET', settings, 'loosened', 1)
end
-- Write: drops what ageing has left.
if metaOf(KEYS[1], 'aged') > 0 and redis.call('HEXISTS', settings, 'priorityAgeing') == 0 then
  setNumber(KEYS[1] .. ':meta', 'aged', 0)
  for _, signature in ipairs(redis.call('HKEYS', KEYS[1] .. ':aged')) do
    redis.call('DEL', agesOf(KEYS[1], signature), agingOf(KEYS[1], signature))
  end
  discardAges(KEYS[1])
end
writePending()
-- Write: notifies every process.
redis.call('PUBLISH', ARGV[2], ARGV[1])
return redis.call('HGETALL', settings)
