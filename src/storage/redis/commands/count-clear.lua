--[[ Counts a clear, before it takes anything. The service tells every process afterwards. Or restores a count
that Redis lost: after a failover it may have fewer clears than the processes know.
KEYS[1]  the count
ARGV[1]  the highest count that the caller knows   ARGV[2] how many clears to count, 1 or 0
Returns the count. ]]
local before = tonumber(redis.call('GET', KEYS[1]) or 0)
local count = math.max(before, tonumber(ARGV[1])) + tonumber(ARGV[2])
if count > before then redis.call('SET', KEYS[1], string.format('%d', count)) end
return count
