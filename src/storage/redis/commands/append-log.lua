-- needs: log-writes, record
--[[ Appends to the log of an attempt, as long as its lease holds the task.
KEYS[1]  the queue of the task
ARGV[1]  the task   ARGV[2] its attempt   ARGV[3] what the JSON of its lease contains
ARGV[4]  bytes that the attempt sent before, '' for the end of the log   ARGV[5] the bytes
ARGV[6]  bytes of a block   ARGV[7] bytes that are kept   ARGV[8] attempts with a log that are kept
Returns 1 and the size; 0 and the size when there is a gap or other bytes at the place; or false when the lease is
stale. ]]
local queue, id, attempt, lease, offset, bytes = KEYS[1], unpack(ARGV, 1, 5)
local width, maxBytes, maxAttempts = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local head = read(queue, id)
if not head or head.state ~= 'processing' or head.attempt ~= attempt then return false end
local held = redis.call('HGET', queue .. ':task:' .. id, 'lease')
if not held or not string.find(held, lease, 1, true) then return false end
local log = openLog(queue, id, attempt, head.logs)
local at = offset == '' and log.size or tonumber(offset)
if at > log.size then return {0, log.size} end
local overlap = math.min(log.size - at, #bytes)
local from = math.max(at, log.first)
if from < at + overlap and bytesIn(log, from, at + overlap, width) ~= string.sub(bytes, from - at + 1, overlap) then
  return {0, log.size}
end
if overlap < #bytes then
  extendLog(queue, id, attempt, head.logs, log, string.sub(bytes, overlap + 1), width, maxBytes, maxAttempts)
elseif log.isNamed then
  -- Written again: replicas are waited for as after a write.
  redis.call('HSET', log.key, 'size', string.format('%d', log.size))
end
return {1, log.size}
