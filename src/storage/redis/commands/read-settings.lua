--[[ Reads what is set for queues.
KEYS  queues
Returns for each the settings, as fields and values, and the instant at which its bucket is full, or false. ]]
local found = {}
for q, queue in ipairs(KEYS) do
  found[q] = {redis.call('HGETALL', queue .. ':settings'), redis.call('GET', queue .. ':full')}
end
return found
