-- needs: log-writes, record
--[[ Appends to the log of an attempt while its lease holds the task.
KEYS[1]  the queue of the task
ARGV[1]  the id of the task   ARGV[2] the attempt   ARGV[3] a text that the JSON of its lease contains
ARGV[4]  the offset of the first byte, '' for the end of the log   ARGV[5] the bytes
ARGV[6]  bytes of a block   ARGV[7] bytes to keep of a log   ARGV[8] logs to keep of a task
Returns {1, size} after an append; {0, size} for a gap, or for other bytes than the log has there; false for a stale
lease. ]]
-- Read: the arguments and the task.
local queue, id, attempt, lease, offset, bytes = KEYS[1], unpack(ARGV, 1, 5)
local width, maxBytes, maxAttempts = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local head = read(queue, id)
-- Check: the lease holds the task.
if not head or head.state ~= 'processing' or head.attempt ~= attempt then return false end
local held = redis.call('HGET', queue .. ':task:' .. id, 'lease')
if not held or not string.find(held, lease, 1, true) then return false end
-- Check: the bytes continue the log, and repeat those that it has.
local log = openLog(queue, id, attempt, head.logs)
local at = offset == '' and log.size or tonumber(offset)
if at > log.size then return {0, log.size} end
local overlap = math.min(log.size - at, #bytes)
local from = math.max(at, log.first)
if from < at + overlap and bytesIn(log, from, at + overlap, width) ~= string.sub(bytes, from - at + 1, overlap) then
  return {0, log.size}
end
-- Write: the bytes behind the end of the log.
if overlap < #bytes then
  extendLog(queue, id, attempt, head.logs, log, string.sub(bytes, overlap + 1), width, maxBytes, maxAttempts)
elseif log.isNamed then
  -- A repeated append writes too, so that WAIT covers it.
  redis.call('HSET', log.key, 'size', string.format('%d', log.size))
end
return {1, log.size}
