-- needs: clears, record
--[[ Checks whether a task was cleared but is not removed yet.
KEYS[1]  its queue
ARGV[1]  its id
Returns 1 or 0. ]]
-- Read: the clears and the task.
if not clearsOf(KEYS[1])[1] then return 0 end
local record = redis.call('EXISTS', KEYS[1] .. ':task:' .. ARGV[1])
return record == 1 and not read(KEYS[1], ARGV[1]) and 1 or 0
