-- needs: clears, index, removal, writes
--[[ Removes some of what was cleared in a queue, the oldest clear first.
KEYS[1]  the queue
ARGV[1]  at most so many tasks
ARGV[2]  the process   ARGV[3] milliseconds for which no other process reclaims
Returns false when another process reclaims; else the tasks that were removed, each as id and nonce, the entries without a
record, as queue and id, and how many clears there are still.
<queue>:reclaimer  string  who does it now ]]
local queue, left = KEYS[1], tonumber(ARGV[1])
local holder = redis.call('GET', queue .. ':reclaimer')
if holder and holder ~= ARGV[2] then return false end
redis.call('SET', queue .. ':reclaimer', ARGV[2], 'PX', ARGV[3])
local clears, gone, open = clearsOf(queue), {}, 0
table.sort(clears, function(one, other) return tonumber(one.number) < tonumber(other.number) end)
for _, clear in ipairs(clears) do
  local isDone = true
  for state in pairs(clear.states) do
    local index = clearedIndex(queue, clear.number, state)
    local rows = left > 0 and redis.call('ZRANGE', index, 0, left - 1, 'WITHSCORES') or {}
    for i = 1, #rows, 2 do
      local nonce = reclaim(queue, index, rows[i], state, rows[i + 1])
      if nonce then gone[#gone + 1] = {rows[i], nonce} end
    end
    left = left - #rows / 2
    flush(index)
    isDone = isDone and redis.call('EXISTS', index) == 0
  end
  if isDone then
    redis.call('HDEL', queue .. ':clears', clear.number)
    redis.call('UNLINK', clearedIndex(queue, clear.number, 'batches'))
  else
    open = open + 1
  end
end
if open == 0 then redis.call('DEL', queue .. ':reclaimer') end
writePending()
return {gone, dangling, open}
