-- needs: batch, index, parking
-- gives: forget
--[[ Part of the scripts that remove: forgets a task with all that belongs to it.
<queue>:gone:<id>  string  the nonce whose insert is refused for `fence` milliseconds ]]
function forget(queue, id, head, fence)
  leave(queue, id, head)
  follow(queue, head.lane, head.state, '')
  quit(queue, id, head)
  redis.call('UNLINK', queue .. ':task:' .. id)
  redis.call('SET', queue .. ':gone:' .. id, head.nonce, 'PX', fence)
end
