--[[ Counts a clear, and tells every process.
KEYS[1]  the count, and the channel it is told on
Returns the count. ]]
local generation = redis.call('INCR', KEYS[1])
redis.call('PUBLISH', KEYS[1], generation)
return generation
