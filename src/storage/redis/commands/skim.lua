-- needs: clears, index, record, removal, writes
--[[ Takes what was cleared out of the front of the indices of deadlines, where tasks of other states are too.
KEYS[1]  the queue
ARGV[1]  entries of each index to look at ]]
local queue = KEYS[1]
for state, index in pairs(DEADLINES) do
  for _, id in ipairs(redis.call('ZRANGE', queue .. index, 0, ARGV[1] - 1)) do
    local text = clearedIn(queue, id, state) and redis.call('HGET', queue .. ':task:' .. id, 'head')
    local head = text and parse(text)
    if head and clearedIn(queue, id, head.state, head.born) then leaveDeadline(queue, id, head) end
  end
end
writePending()
