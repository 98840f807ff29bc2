-- needs: record
--[[ Refuses the insert of an announced task that did not come, from now on.
KEYS[1]  the queue
ARGV[1]  the id   ARGV[2] the nonce of the insert   ARGV[3] milliseconds for which it is refused
Returns 1, or 0 when the task exists after all. ]]
-- Check: the task does not exist.
if read(KEYS[1], ARGV[1]) then return 0 end
-- Write: the refused nonce.
redis.call('SET', KEYS[1] .. ':gone:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
return 1
