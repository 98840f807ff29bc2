--[[ Counts a clear before it takes anything; the service notifies every process afterwards. Also restores a count that Redis
lost: after a failover, Redis may have counted fewer clears than the processes know.
KEYS[1]  the count
ARGV[1]  the highest count that the caller knows   ARGV[2] clears to count, 1 or 0
Returns the count. ]]
-- Read: the count.
local before = tonumber(redis.call('GET', KEYS[1]) or 0)
local count = math.max(before, tonumber(ARGV[1])) + tonumber(ARGV[2])
-- Write: a higher count.
if count > before then redis.call('SET', KEYS[1], string.format('%d', count)) end
return count
