-- needs: clears, index, removal, writes
--[[ Removes some cleared tasks of a queue, the oldest clear first.
KEYS[1]  the queue
ARGV[1]  the most tasks
ARGV[2]  the process   ARGV[3] milliseconds for which no other process reclaims
Returns false while another process reclaims. Else returns the removed tasks, each as {id, nonce}; the entries without a
record, each as {queue, id}; and the number of clears that are left.
<queue>:reclaimer  string  the process that reclaims ]]
-- Read: the process that reclaims.
local queue, left = KEYS[1], tonumber(ARGV[1])
local holder = redis.call('GET', queue .. ':reclaimer')
-- Check: no other process reclaims.
if holder and holder ~= ARGV[2] then return false end
-- Write: keeps other processes from reclaiming.
redis.call('SET', queue .. ':reclaimer', ARGV[2], 'PX', ARGV[3])
-- Read: the clears, the oldest first.
local clears, gone, open = clearsOf(queue), {}, 0
table.sort(clears, function(one, other) return tonumber(one.number) < tonumber(other.number) end)
-- Write: removes tasks, and clears without tasks.
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
-- Write: ends the work of this process, then writes what was collected.
if open == 0 then redis.call('DEL', queue .. ':reclaimer') end
writePending()
return {gone, dangling, open}
