--[[ Writes the records of new tasks, without a head, to keys that nothing leads to. The commit moves them into place, see
`insertion.lua`.
KEYS[i]  the queue of task i
ARGV[1]  the nonce of the call   ARGV[2] milliseconds after which the keys expire   ARGV[3] tasks staged before these
ARGV     then for each task: spec, core, payload, batch (or ''), lane ]]
-- Read: the arguments of each task.
local SHARED, WIDTH = 3, 5
for i, queue in ipairs(KEYS) do
  local spec, core, payload, batch, lane = unpack(ARGV, SHARED + 1 + (i - 1) * WIDTH, SHARED + i * WIDTH)
  local key, fields = queue .. ':staged:' .. ARGV[1] .. ':' .. string.format('%d', ARGV[3] + i), {}
  if batch ~= '' then fields = {'batch', batch} end
  if lane ~= '' then fields[#fields + 1], fields[#fields + 2] = 'lane', lane end
  -- Write: the staged task, which expires without a commit.
  redis.call('HSET', key, 'spec', spec, 'core', core, 'payload', payload, unpack(fields))
  redis.call('PEXPIRE', key, ARGV[2])
end
