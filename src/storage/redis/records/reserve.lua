--[[ Gives ids to queues, unless they are given already.
KEYS[i]  the entry of id i in the directory
ARGV[i]  the queue and the nonce
Returns for each what is there now when it is given already, else false. ]]
local present = {}
for i, entry in ipairs(KEYS) do
  present[i] = redis.call('SET', entry, ARGV[i], 'NX', 'GET')
end
return present
