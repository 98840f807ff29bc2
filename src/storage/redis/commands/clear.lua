-- needs: index, record, removal, writes
--[[ Forgets tasks of queues, the oldest first.
KEYS     queues
ARGV[1]  milliseconds for which a late insert with the nonce of a removed task is refused
ARGV[2]  at most this many   ARGV[3] the number of states
ARGV     then the states; then for each queue the birth up to which tasks are forgotten, as the first step has answered it
Returns number of the queue, id and nonce of each; for each queue the latest birth there was when this began; and the
entries without a record, each as queue and id. ]]
local fence, most, states = unpack(ARGV, 1, 3)
local gone, births = {}, {}
for q, queue in ipairs(KEYS) do
  births[q] = ARGV[3 + states + q] or redis.call('HGET', queue .. ':meta', 'event') or '0'
  for s = 4, 3 + states do
    local left = most - #gone - #dangling
    local index = queue .. ':state:' .. ARGV[s]
    local ids = left > 0 and redis.call('ZRANGE', index, '-inf', births[q], 'BYSCORE', 'LIMIT', 0, left) or {}
    for _, id in ipairs(ids) do
      local head = read(queue, id)
      if head then
        removeTask(queue, id, head, fence)
        gone[#gone + 1] = {q, id, head.nonce}
      else
        dropDangling(queue, id)
      end
    end
  end
end
writePending()
return {gone, births, dangling}
