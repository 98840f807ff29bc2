-- gives: logKey, attemptsOf, keptOf, dropLogs
--[[ Part of the scripts that write or remove logs. The field `logs` of a task's hash names its attempts with a log.
<queue>:log:<attempt>:<id>  hash  `size`, all bytes that the attempt sent; `first`, the offset of the oldest one that is
kept; and each block by its number, see LOG_BLOCK_BYTES of `task-logs.ts` ]]
function logKey(queue, id, attempt) return queue .. ':log:' .. attempt .. ':' .. id end

-- The attempts that a field `logs` names, oldest first.
function attemptsOf(text)
  local attempts = {}
  for attempt in string.gmatch(text, '%d+') do attempts[#attempts + 1] = attempt end
  return attempts
end

-- Kept bytes of the logs of a task.
function keptOf(queue, id, text)
  local sum = 0
  for _, attempt in ipairs(attemptsOf(text)) do
    local first, size = unpack(redis.call('HMGET', logKey(queue, id, attempt), 'first', 'size'))
    sum = sum + (size or 0) - (first or 0)
  end
  return sum
end

-- Removes all logs of a task.
function dropLogs(queue, id, text)
  for _, attempt in ipairs(attemptsOf(text)) do redis.call('UNLINK', logKey(queue, id, attempt)) end
end
