--[[ Forgets tasks with all that belongs to them, unless somebody else wrote since they were read.
KEYS[i]  the queue of task i
ARGV[1]  milliseconds for which a late insert with the nonce of a removed task is refused
ARGV     then for each task: id, nonce (or ''), created, the revision that was read
Returns for each task: the nonce that it had, or false. ]]
local WIDTH = 4
local results = {}
for i, queue in ipairs(KEYS) do
  local id, nonce, created, revision = unpack(ARGV, 2 + (i - 1) * WIDTH, 1 + i * WIDTH)
  local head = read(queue, id)
  local isSame = isCurrent(head, nonce, created, revision)
  if isSame then forget(queue, id, head, ARGV[1]) end
  results[i] = isSame and head.nonce or false
end
writeNotes()
return results
