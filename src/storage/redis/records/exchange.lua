--[[ Changes entries of the directory that are still as they were read.
KEYS[i]           the entry
ARGV[2 * i - 1]   what was read
ARGV[2 * i]       what to write, or '' to forget the entry
Returns for each whether it was written, as 1 or 0. ]]
local results = {}
for i, entry in ipairs(KEYS) do
  local isSame = redis.call('GET', entry) == ARGV[2 * i - 1]
  results[i] = isSame and 1 or 0
  if isSame and ARGV[2 * i] == '' then redis.call('DEL', entry) end
  if isSame and ARGV[2 * i] ~= '' then redis.call('SET', entry, ARGV[2 * i]) end
end
return results
