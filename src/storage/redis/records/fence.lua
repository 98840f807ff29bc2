-- needs: record
--[[ Makes sure that a task which was announced and did not come will not come: its insert is refused from now on.
KEYS[1]  the queue
ARGV[1]  id   ARGV[2] the nonce of the insert   ARGV[3] milliseconds for which it is refused
Returns 1, or 0 when the task is there after all. ]]
if read(KEYS[1], ARGV[1]) then return 0 end
redis.call('SET', KEYS[1] .. ':gone:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
return 1
