--[[ Changes entries of the directory that are unchanged since they were read.
KEYS[i]           the entry
ARGV[2 * i - 1]   the value that was read
ARGV[2 * i]       the value to write, or '' to remove the entry
Returns for each entry 1 when it was written, else 0. ]]
-- Read: each entry.
local results = {}
for i, entry in ipairs(KEYS) do
  local isSame = redis.call('GET', entry) == ARGV[2 * i - 1]
  -- Check: it is unchanged.
  results[i] = isSame and 1 or 0
  -- Write: removes or replaces it.
  if isSame and ARGV[2 * i] == '' then redis.call('DEL', entry) end
  if isSame and ARGV[2 * i] ~= '' then redis.call('SET', entry, ARGV[2 * i]) end
end
return results
