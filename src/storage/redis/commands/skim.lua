-- needs: clears, index, record, removal, writes
--[[ Takes cleared tasks out of the front of the indices of deadlines, which have tasks of other states too.
KEYS[1]  the queue
ARGV[1]  entries of each index to read ]]
-- Read: the first entries of each index.
local queue = KEYS[1]
for state, index in pairs(DEADLINES) do
  for _, id in ipairs(redis.call('ZRANGE', queue .. index, 0, ARGV[1] - 1)) do
    local text = clearedIn(queue, id, state) and redis.call('HGET', queue .. ':task:' .. id, 'head')
    -- Check: the task was cleared, and its id was not used again.
    local head = text and parse(text)
    -- Write: takes it out.
    if head and clearedIn(queue, id, head.state, head.born) then leaveDeadline(queue, id, head) end
  end
end
-- Write: what was collected.
writePending()
