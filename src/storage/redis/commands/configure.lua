-- needs: ages, parking, writes
--[[ Changes what is set for a queue, and tells every process.
KEYS[1]  the queue
ARGV[1]  its name   ARGV[2] the channel   ARGV[3] the instant on the steady scale
ARGV     then for each field of the settings: its name, and its value, or '' to take it away
<queue>:settings  hash    see `redis-queue-settings.ts`
<queue>:full      string  the instant at which the bucket of the rate is full
Returns the settings, as fields and values; false when this was a step of what has to be done first: putting back groups
that an earlier change has let go, and taking away ages. ]]
-- Signatures whose ages one step takes away.
local DROPPED = 150
local settings, full = KEYS[1] .. ':settings', KEYS[1] .. ':full'
local function rate() return redis.call('HMGET', settings, 'rateTasks', 'ratePer') end
local function groupLimit() return tonumber(redis.call('HGET', settings, 'maxConcurrencyPerGroup') or math.huge) end
local before, groupsBefore = rate(), groupLimit()
if redis.call('EXISTS', KEYS[1] .. ':loosened') == 1 and not unparkSome(KEYS[1]) then
  writePending()
  return false
end

local function endsAgeing()
  for i = 4, #ARGV, 2 do
    if ARGV[i] == 'priorityAgeing' and ARGV[i + 1] == '' then return true end
  end
  return false
end

-- Takes away the ages of some signatures. Returns whether few are left.
local function dropSome(queue)
  local aged = queue .. ':aged'
  if redis.call('HLEN', aged) <= DROPPED then return true end
  for _, signature in ipairs(redis.call('HRANDFIELD', aged, DROPPED)) do
    -- Under ' ' are the settings.
    if signature ~= ' ' then
      redis.call('DEL', agesOf(queue, signature), agingOf(queue, signature))
      redis.call('HDEL', aged, signature)
    end
  end
  return false
end

if endsAgeing() and not dropSome(KEYS[1]) then
  writePending()
  return false
end
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', settings, ARGV[i])
  else redis.call('HSET', settings, ARGV[i], ARGV[i + 1]) end
end
local tasks, per = unpack(rate())
if not tasks then
  redis.call('DEL', full)
elseif before[1] and (before[1] ~= tasks or before[2] ~= per) then
  redis.call('SET', full, string.format('%.17g', ARGV[3] + tasks * (per * 1000 / tasks)))
end
if groupLimit() > groupsBefore and redis.call('EXISTS', KEYS[1] .. ':parked') == 1 then
  redis.call('RENAME', KEYS[1] .. ':parked', KEYS[1] .. ':loosened')
  redis.call('HSET', settings, 'loosened', 1)
end
if metaOf(KEYS[1], 'aged') > 0 and redis.call('HEXISTS', settings, 'priorityAgeing') == 0 then
  setNumber(KEYS[1] .. ':meta', 'aged', 0)
  for _, signature in ipairs(redis.call('HKEYS', KEYS[1] .. ':aged')) do
    redis.call('DEL', agesOf(KEYS[1], signature), agingOf(KEYS[1], signature))
  end
  discardAges(KEYS[1])
end
writePending()
redis.call('PUBLISH', ARGV[2], ARGV[1])
return redis.call('HGETALL', settings)
