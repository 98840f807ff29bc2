--[[ Changes what is set for a queue, and tells every process.
KEYS[1]  the queue
ARGV[1]  its name   ARGV[2] the channel   ARGV[3] the instant on the steady scale
ARGV     then for each field of the settings: its name, and its value, or '' to take it away
<queue>:settings  hash    see `redis-settings.ts`
<queue>:full      string  the instant at which the bucket of the rate is full
Returns the settings, as fields and values. ]]
local settings, full = KEYS[1] .. ':settings', KEYS[1] .. ':full'
local function rate() return redis.call('HMGET', settings, 'rateTasks', 'ratePer') end
local before = rate()
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
for _, group in ipairs(redis.call('SMEMBERS', KEYS[1] .. ':parked')) do unpark(KEYS[1], group) end
writeNotes()
redis.call('PUBLISH', ARGV[2], ARGV[1])
return redis.call('HGETALL', settings)
