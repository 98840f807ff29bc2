-- needs: choose, limits, mend, rings, take
-- gives: takeFromLanes, takePlain
--[[ Part of the claim: the ways through a queue, one with lanes and a plain one. See `take.lua` for `run`. ]]
function takeFromLanes(queue, limits, run)
  while run.left > 0 and not run.isCut and hasRoom(limits, run.steady) and #run.expired + #dangling < run.passOver do
    local task = choose(queue, limits, run)
    if not task then return end
    if take(queue, task.id, run, task) then
      spend(queue, limits, run.steady)
      sendBack(queue, task)
    end
    run.isCut = run.looks >= LOOKS
  end
end

function takePlain(queue, limits, run)
  local seen, ids = 0, nil
  repeat
    local isOpen = run.left > 0 and hasRoom(limits, run.steady)
    ids = isOpen and redis.call('ZRANGE', queue .. ':ready', seen, seen + run.left - 1) or {}
    seen = seen + #ids
    for _, id in ipairs(ids) do
      if hasRoom(limits, run.steady) and take(queue, id, run) then spend(queue, limits, run.steady) end
    end
  until #ids == 0 or #run.expired + #dangling >= run.passOver
end
