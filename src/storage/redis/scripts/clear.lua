--[[ Forgets tasks of queues, the oldest first.
KEYS     queues
ARGV[1]  milliseconds for which a late insert with the nonce of a removed task is refused
ARGV[2]  at most this many
ARGV     then the states
Returns number of the queue, id and nonce of each. ]]
local gone = {}
for q, queue in ipairs(KEYS) do
  for s = 3, #ARGV do
    local left = ARGV[2] - #gone
    local index = queue .. ':state:' .. ARGV[s]
    local ids = left > 0 and redis.call('ZRANGE', index, 0, left - 1) or {}
    for _, id in ipairs(ids) do
      local head = read(queue, id)
      forget(queue, id, head, ARGV[1])
      gone[#gone + 1] = {q, id, head.nonce}
    end
  end
end
writeNotes()
return gone
