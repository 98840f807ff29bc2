-- needs: add, reclaimed
-- gives: stagedKey, isAllThere, show
--[[ Part of the scripts that commit what was staged: shows all tasks of a call at once.
<queue>:staged:<nonce>:<n>  hash  what task n of the call is made of, without a head ]]
function stagedKey(queue, nonce, i) return queue .. ':staged:' .. nonce .. ':' .. i end

-- Nobody has forgotten one of them.
function isAllThere(staged) return redis.call('EXISTS', unpack(staged)) == #staged end

function show(length, staged, queue, id, ...)
  local task = queue .. ':task:' .. id
  makeRoom(queue, id)
  redis.call('RENAME', staged, task)
  redis.call('PERSIST', task)
  return enlist(length, queue, id, ...)
end
