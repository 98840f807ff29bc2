-- needs: index, log-writes, record, writes
--[[ Adds a part of a log of another store.
KEYS[1]  the queue of the task
ARGV[1]  the task   ARGV[2] its attempt   ARGV[3] where the part begins   ARGV[4] its bytes
ARGV[5]  bytes of a block   ARGV[6] bytes that are kept   ARGV[7] attempts with a log that are kept
Returns nothing. A log that is there already gets only the bytes behind its end. ]]
local queue, id, attempt, offset, bytes = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local width, maxBytes, maxAttempts = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local head = read(queue, id)
if not head then return end
local log = openLog(queue, id, attempt, head.logs)
if not log.isNamed then log.first, log.size = offset, offset end
if offset > log.size or offset + #bytes <= log.size then return end
local fresh = string.sub(bytes, log.size - offset + 1)
local grown = extendLog(queue, id, attempt, head.logs, log, fresh, width, maxBytes, maxAttempts)
if DEADLINES[head.state] == ':ended' then
  head.bytes = string.format('%d', head.bytes + grown)
  redis.call('HSET', queue .. ':task:' .. id, 'head', format(head))
  increaseMeta(queue, 'endedBytes', grown)
end
writePending()
