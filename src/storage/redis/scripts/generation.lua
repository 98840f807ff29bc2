--[[ Counts a clear, before it takes anything. Every process is told of it when it has.
KEYS[1]  the count
Returns the count. ]]
return redis.call('INCR', KEYS[1])
