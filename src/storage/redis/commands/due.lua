-- needs: clears, record
--[[ Lists due tasks, the earliest deadlines of each kind first.
KEYS     queues
ARGV[1]  the time on the wall   ARGV[2] the time on the steady scale   ARGV[3] the wall time until which ended tasks are due
ARGV[4]  the most tasks
Returns for each queue: its earliest deadline on the wall, the end of its first lease, the end of its first ended task (''
for none of each), the number of ended tasks, their bytes, and 1 while cleared tasks are not removed yet, else 0. Then the
first three and the bytes can include cleared tasks.
Then returns the due tasks, each as {number of the queue, id, head, spec, core, lease}. The head is false when there is no
record; then the spec is 'cleared' for a cleared task. ]]
-- Read: the deadlines of each kind, and the due tasks.
local queues, due = {}, {}
local KINDS, ENDED = {':due', ':leases', ':ended'}, {'completed', 'failed', 'cancelled', 'expired'}
-- Entries of an index that are read in search of a task that was not cleared.
local LOOKS = 16

local function isCleared(queue, id)
  local text = redis.call('HGET', queue .. ':task:' .. id, 'head')
  local head = text and parse(text)
  return head and clearedIn(queue, id, head.state, head.born) ~= nil
end

-- The first deadline of an index, or ''. It is the one of the first task that was not cleared, if that is among `LOOKS`.
local function firstOf(queue, kind)
  local hasClears = clearsOf(queue)[1] ~= nil
  local rows = redis.call('ZRANGE', queue .. kind, 0, hasClears and LOOKS - 1 or 0, 'WITHSCORES')
  for i = 1, hasClears and #rows or 0, 2 do
    if not isCleared(queue, rows[i]) then return rows[i + 1] end
  end
  if hasClears and #rows < 2 * LOOKS then return '' end
  return rows[#rows] or ''
end

local function countEnded(queue)
  local sum = 0
  for _, state in ipairs(ENDED) do sum = sum + redis.call('ZCARD', queue .. ':state:' .. state) end
  return sum
end

for q, queue in ipairs(KEYS) do
  local summary = {}
  for i, kind in ipairs(KINDS) do
    summary[i] = firstOf(queue, kind)
    local left = ARGV[4] - #due
    local isDue = left > 0 and summary[i] ~= '' and tonumber(summary[i]) <= tonumber(ARGV[i])
    for _, id in ipairs(isDue and redis.call('ZRANGEBYSCORE', queue .. kind, '-inf', ARGV[i], 'LIMIT', 0, left) or {}) do
      local record = recordOf(queue, id)
      due[#due + 1] = {q, id, unpack(record[1] and record or {false, isCleared(queue, id) and 'cleared'})}
    end
  end
  summary[4] = clearsOf(queue)[1] and countEnded(queue) or redis.call('ZCARD', queue .. ':ended')
  summary[5] = tonumber(redis.call('HGET', queue .. ':meta', 'endedBytes') or 0)
  summary[6] = clearsOf(queue)[1] and 1 or 0
  queues[q] = summary
end
return {queues, due}
