--[[ Part of every script that writes: how urgent the next task of each priority is, of a queue where waiting counts as
priority. Only what requires nothing is in it.
<queue>:ages   zset    priorities, the most urgent one first: when its next task was accepted, less its priority in time
<queue>:stale  set     priorities of which the next task may be another one by now
<queue>:aging  string  where the next claim goes on to put priorities in, while there are some that it has not seen
`aged` of `meta` is how many milliseconds of waiting are worth one point in there. ]]
local staleIn = {}

local function noteStale(queue, signature, priority)
  if signature ~= '' or metaOf(queue, 'aged') == 0 then return end
  local known, level = staleIn[queue] or {}, tonumber(priority)
  staleIn[queue] = known
  if known[level] then return end
  known[level] = true
  redis.call('SADD', queue .. ':stale', level)
end
