-- gives: logKey, attemptsOf, keptOf, dropLogs
--[[ Part of the scripts that write or remove logs. The field `logs` of a task's hash names its attempts with a log.
<queue>:log:<attempt>:<id>  hash  `size`, the bytes that the attempt sent; `first`, the offset of the oldest kept byte; and
each block by its number, see LOG_BLOCK_BYTES of `task-logs.ts` ]]
-- The key of the log of an attempt.
function logKey(queue, id, attempt) return queue .. ':log:' .. attempt .. ':' .. id end

-- The attempts in a field `logs`, oldest first.
function attemptsOf(text)
  local attempts = {}
  for attempt in string.gmatch(text, '%d+') do attempts[#attempts + 1] = attempt end
  return attempts
end

-- The kept bytes of the logs in a field `logs`.
function keptOf(queue, id, text)
  local sum = 0
  for _, attempt in ipairs(attemptsOf(text)) do
    local first, size = unpack(redis.call('HMGET', logKey(queue, id, attempt), 'first', 'size'))
    sum = sum + (size or 0) - (first or 0)
  end
  return sum
end

-- Removes the logs in a field `logs`.
function dropLogs(queue, id, text)
  for _, attempt in ipairs(attemptsOf(text)) do redis.call('UNLINK', logKey(queue, id, attempt)) end
end
