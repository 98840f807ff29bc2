-- needs: logs
-- gives: openLog, bytesIn, extendLog
--[[ Part of the scripts that write a log. ]]
-- Reads the extent of the log of an attempt; `text` is the field `logs` of its task. A log that the task does not name is
-- new: a process of an earlier version may have left bytes at its key, which `extendLog` removes.
function openLog(queue, id, attempt, text)
  local log = {key = logKey(queue, id, attempt), first = 0, size = 0, isNamed = false}
  for _, known in ipairs(attemptsOf(text)) do log.isNamed = log.isNamed or known == attempt end
  if not log.isNamed then return log end
  local first, size = unpack(redis.call('HMGET', log.key, 'first', 'size'))
  log.first, log.size = tonumber(first or 0), tonumber(size or 0)
  return log
end

-- The kept bytes from `start` to `finish`, which is exclusive.
function bytesIn(log, start, finish, width)
  if start >= finish then return '' end
  local from, fields = math.floor(start / width), {}
  for block = from, math.floor((finish - 1) / width) do fields[#fields + 1] = string.format('%d', block) end
  local text = table.concat(redis.call('HMGET', log.key, unpack(fields)))
  return string.sub(text, start - from * width + 1, finish - from * width)
end

-- Names a new log in its task, and drops the oldest logs above `most`. Returns the dropped bytes.
local function nameLog(queue, id, attempt, text, most)
  local attempts, gone = attemptsOf(text), ''
  while #attempts >= most do gone = gone .. ' ' .. table.remove(attempts, 1) end
  attempts[#attempts + 1] = attempt
  local freed = keptOf(queue, id, gone)
  redis.call('UNLINK', logKey(queue, id, attempt))
  dropLogs(queue, id, gone)
  redis.call('HSET', queue .. ':task:' .. id, 'logs', table.concat(attempts, ' '))
  return freed
end

-- Adds bytes to the end of a log, and drops its oldest blocks. Returns the growth of the kept bytes of the task.
function extendLog(queue, id, attempt, text, log, fresh, width, maxBytes, maxAttempts)
  local freed = log.isNamed and 0 or nameLog(queue, id, attempt, text, maxAttempts)
  local begin = math.floor(log.size / width)
  local whole = bytesIn(log, begin * width, log.size, width) .. fresh
  local before, size = log.size - log.first, log.size + #fresh
  local excess = math.min(math.ceil((size - maxBytes) / width), math.ceil(size / width) - 1)
  local first = math.max(log.first, excess * width)
  local fields = {'size', string.format('%d', size), 'first', string.format('%d', first)}
  for from = 0, #whole - 1, width do
    local block = begin + from / width
    if block * width >= first then
      fields[#fields + 1], fields[#fields + 2] = string.format('%d', block), string.sub(whole, from + 1, from + width)
    end
    if #fields >= 1000 then
      redis.call('HSET', log.key, unpack(fields))
      fields = {'size', string.format('%d', size)}
    end
  end
  redis.call('HSET', log.key, unpack(fields))
  for block = log.first / width, math.min(first / width, begin + 1) - 1 do
    redis.call('HDEL', log.key, string.format('%d', block))
  end
  log.first, log.size = first, size
  return size - first - before - freed
end
