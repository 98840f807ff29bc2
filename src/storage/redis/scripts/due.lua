--[[ Lists tasks that are due, those with the earliest deadlines of each kind first.
KEYS     queues
ARGV[1]  the instant on the wall   ARGV[2] on the steady scale   ARGV[3] tasks that ended until then are due
ARGV[4]  at most this many
Returns for each queue its earliest deadline on the wall, the end of its first lease, when its first ended task ended
('' for none), the number of its ended tasks, and their bytes; then the due tasks, each as number of the queue, id,
head, spec, core, lease. ]]
local queues, due = {}, {}
local KINDS = {':due', ':leases', ':ended'}
for q, queue in ipairs(KEYS) do
  local summary = {}
  for i, kind in ipairs(KINDS) do
    summary[i] = redis.call('ZRANGE', queue .. kind, 0, 0, 'WITHSCORES')[2] or ''
    local left = ARGV[4] - #due
    local isDue = left > 0 and summary[i] ~= '' and tonumber(summary[i]) <= tonumber(ARGV[i])
    for _, id in ipairs(isDue and redis.call('ZRANGEBYSCORE', queue .. kind, '-inf', ARGV[i], 'LIMIT', 0, left) or {}) do
      due[#due + 1] = {q, id, unpack(recordOf(queue, id))}
    end
  end
  summary[4] = redis.call('ZCARD', queue .. ':ended')
  summary[5] = tonumber(redis.call('HGET', queue .. ':meta', 'endedBytes') or 0)
  queues[q] = summary
end
return {queues, due}
