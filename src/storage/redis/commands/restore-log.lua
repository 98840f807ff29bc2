-- needs: index, log-writes, record, writes
--[[ Adds a part of a log of another store. A log that exists gets only the bytes behind its end.
KEYS[1]  the queue of the task
ARGV[1]  the id of the task   ARGV[2] the attempt   ARGV[3] the offset of the part   ARGV[4] its bytes
ARGV[5]  bytes of a block   ARGV[6] bytes to keep of a log   ARGV[7] logs to keep of a task
Returns nothing. ]]
-- Read: the arguments, the task and its log.
local queue, id, attempt, offset, bytes = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local width, maxBytes, maxAttempts = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local head = read(queue, id)
-- Check: the task exists, and the part continues its log.
if not head then return end
local log = openLog(queue, id, attempt, head.logs)
if not log.isNamed then log.first, log.size = offset, offset end
if offset > log.size or offset + #bytes <= log.size then return end
-- Write: the bytes behind the end of the log.
local fresh = string.sub(bytes, log.size - offset + 1)
local grown = extendLog(queue, id, attempt, head.logs, log, fresh, width, maxBytes, maxAttempts)
-- Write: the bytes of an ended task.
if DEADLINES[head.state] == ':ended' then
  head.bytes = string.format('%d', head.bytes + grown)
  redis.call('HSET', queue .. ':task:' .. id, 'head', format(head))
  increaseMeta(queue, 'endedBytes', grown)
end
writePending()
