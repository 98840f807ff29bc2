--[[ Gives ids to queues, unless they are given already.
KEYS[i]  the entry of id i in the directory
ARGV[i]  the queue and the nonce
Returns for each id the former entry when it was given already, else false. ]]
-- Check: the id is free. Write: its entry, in the same command.
local present = {}
for i, entry in ipairs(KEYS) do
  present[i] = redis.call('SET', entry, ARGV[i], 'NX', 'GET')
end
return present
