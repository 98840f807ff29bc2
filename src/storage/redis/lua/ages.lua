-- needs: writes
-- gives: agesOf, agingOf, touch, touchAnew, ignoreTouches, dropAges, discardAges
--[[ Part of every script that writes: how urgent the next task of each priority is, of a queue where waiting counts as
priority. It is known for each signature that claims have asked for, a plain queue has the empty one.
<queue>:ages[:<signature>]   zset    priorities, the most urgent one first: when its next task was accepted, less its
priority in time
<queue>:touched              zset    priorities by the number of the last change that may have given them another next task
<queue>:aged                 hash    by signature: the number up to which its ages are right; under ' ' the settings by
which all of them were made
<queue>:aging[:<signature>]  string  where the next claim goes on to put priorities in, while there are some that it has
not seen
<queue>:heads                hash    the groups of next tasks by `<priority> <signature>`, where groups have a limit
`touch` of `meta` is the last number of a change. `aged` there is twice the milliseconds of waiting that are worth one point
in the ages: processes of an earlier version, which kept `ages` in another way, wrote them once and so make theirs anew. ]]
local touchedIn, isSettling = {}, false

function agesOf(queue, signature) return queue .. ':ages' .. (signature == '' and '' or ':' .. signature) end

function agingOf(queue, signature) return queue .. ':aging' .. (signature == '' and '' or ':' .. signature) end

-- The next task of a priority may be another one from now on.
function touch(queue, priority)
  if isSettling or metaOf(queue, 'aged') == 0 then return end
  local known, level = touchedIn[queue] or {}, tonumber(priority)
  touchedIn[queue] = known
  if known[level] then return end
  known[level] = true
  setScore(queue .. ':touched', level, increaseMeta(queue, 'touch', 1))
end

-- What was touched is touched once more when it changes again.
function touchAnew(queue) touchedIn[queue] = nil end

-- While rounds are moved to their turns no priority gets another next task.
function ignoreTouches(isIgnored) isSettling = isIgnored end

-- Nothing that is ready requires this any more.
function dropAges(queue, signature)
  for _, priority in ipairs(redis.call('ZRANGE', agesOf(queue, signature), 0, -1)) do
    redis.call('HDEL', queue .. ':heads', priority .. ' ' .. signature)
  end
  redis.call('DEL', agesOf(queue, signature), agingOf(queue, signature))
  redis.call('HDEL', queue .. ':aged', signature)
end

-- Ages that were made by other settings are of no use. They are made anew signature by signature, when a claim asks.
function discardAges(queue)
  redis.call('DEL', agesOf(queue, ''), agingOf(queue, ''), queue .. ':touched', queue .. ':aged', queue .. ':heads')
  discardPending(queue .. ':touched')
  discardPending(queue .. ':aged')
  touchedIn[queue] = nil
end
