--[[ Measures the records of tasks.
KEYS[i]  the queue of task i
ARGV[i]  its id
Returns for each task: bytes of spec, payload, checkpoint and finished attempts together, and bytes of the output. ]]
-- Read: the lengths of the fields.
local records = {}
for i, queue in ipairs(KEYS) do
  local key = queue .. ':task:' .. ARGV[i]
  local size = 0
  for _, field in ipairs({'spec', 'payload', 'checkpoint'}) do size = size + redis.call('HSTRLEN', key, field) end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if string.sub(field, 1, 8) == 'attempt:' then size = size + redis.call('HSTRLEN', key, field) end
  end
  records[i] = {size, redis.call('HSTRLEN', key, 'output')}
end
return records
