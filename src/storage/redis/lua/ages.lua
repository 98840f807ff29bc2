-- needs: writes
-- gives: agesOf, agingOf, touch, touchAnew, ignoreTouches, dropAges, discardAges
--[[ Part of every script that writes: the urgency of the next task of each priority, in a queue where waiting counts as
priority. Kept for each signature that claims have asked for; a queue without lanes has the empty signature.
<queue>:ages[:<signature>]   zset    priorities, the most urgent first: when the next task was accepted, less the time that
its priority is worth
<queue>:touched              zset    priorities by the number of the last change that may have given them another next task
<queue>:aged                 hash    by signature: the number up to which its ages are right; under ' ' the settings with
which all of them were computed
<queue>:aging[:<signature>]  string  the place from which the next claim adds priorities, while some are unread
<queue>:heads                hash    groups of next tasks by `<priority> <signature>`, where groups have a limit
`touch` of `meta` is the number of the last change. `aged` of `meta` is twice the milliseconds of waiting that are worth one
point. The factor makes processes of an earlier version, which kept `ages` in another way, compute theirs anew. ]]
local touchedIn, isSettling = {}, false

-- The key of the ages of a signature.
function agesOf(queue, signature) return queue .. ':ages' .. (signature == '' and '' or ':' .. signature) end

-- The key of the place from which ages are added.
function agingOf(queue, signature) return queue .. ':aging' .. (signature == '' and '' or ':' .. signature) end

-- Notes that a priority may have another next task now.
function touch(queue, priority)
  if isSettling or metaOf(queue, 'aged') == 0 then return end
  local known, level = touchedIn[queue] or {}, tonumber(priority)
  touchedIn[queue] = known
  if known[level] then return end
  known[level] = true
  setScore(queue .. ':touched', level, increaseMeta(queue, 'touch', 1))
end

-- Makes the next change of each priority be noted again.
function touchAnew(queue) touchedIn[queue] = nil end

-- Makes `touch` do nothing, or again something. Moving rounds to their turns changes no next task.
function ignoreTouches(isIgnored) isSettling = isIgnored end

-- Drops the ages of a signature that no ready task has any more.
function dropAges(queue, signature)
  for _, priority in ipairs(redis.call('ZRANGE', agesOf(queue, signature), 0, -1)) do
    redis.call('HDEL', queue .. ':heads', priority .. ' ' .. signature)
  end
  redis.call('DEL', agesOf(queue, signature), agingOf(queue, signature))
  redis.call('HDEL', queue .. ':aged', signature)
end

-- Drops all ages. Claims compute them anew, one signature after the other.
function discardAges(queue)
  redis.call('DEL', agesOf(queue, ''), agingOf(queue, ''), queue .. ':touched', queue .. ':aged', queue .. ':heads')
  discardPending(queue .. ':touched')
  discardPending(queue .. ':aged')
  touchedIn[queue] = nil
end
