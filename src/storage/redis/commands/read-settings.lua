--[[ Reads the settings of queues.
KEYS  queues
Returns for each queue the settings, as fields and values, and the time at which its bucket is full, or false. ]]
-- Read: the settings and the bucket.
local found = {}
for q, queue in ipairs(KEYS) do
  found[q] = {redis.call('HGETALL', queue .. ':settings'), redis.call('GET', queue .. ':full')}
end
return found
