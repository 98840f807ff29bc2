-- needs: index, notes
-- gives: dangling, drop
--[[ Part of every script that writes: index entries whose task has no record. They are taken out, and told of. ]]
dangling = {}

-- Takes an id without a record out of all indices but the lanes, whose names only its record would tell.
function drop(queue, id)
  for state, index in pairs(DEADLINES) do
    note(queue .. ':state:' .. state, id, false)
    note(queue .. index, id, false)
  end
  note(queue .. ':ready', id, false)
  dangling[#dangling + 1] = {queue, id}
end
