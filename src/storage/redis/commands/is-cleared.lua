-- needs: clears, record
--[[ Says whether a task was cleared and is only not removed yet.
KEYS[1]  its queue
ARGV[1]  its id
Returns 1 or 0. ]]
if not clearsOf(KEYS[1])[1] then return 0 end
local record = redis.call('EXISTS', KEYS[1] .. ':task:' .. ARGV[1])
return record == 1 and not read(KEYS[1], ARGV[1]) and 1 or 0
