-- needs: counters, notes
-- gives: tally, onGone, writeNotes
--[[ Part of every script that writes: numbers that nobody asks for are tallied, and all that was noted, counted and tallied
is written. ]]
local tallies, whenGone = {}, {}

function tally(hash, field, by)
  tallies[hash] = tallies[hash] or {}
  tallies[hash][field] = (tallies[hash][field] or 0) + by
end

-- Calls `listener` with each field of a hash whose tally ends at zero.
function onGone(hash, listener) whenGone[hash] = listener end

local function writeNumbers(hash, fields)
  local present, gone = {}, {}
  for field, value in pairs(fields) do
    if value > 0 then present[#present + 1], present[#present + 2] = field, value else gone[#gone + 1] = field end
  end
  send('HSET', hash, present)
  send('HDEL', hash, gone)
end

local function writeTallies(hash, fields)
  for field, by in pairs(fields) do
    if by ~= 0 and redis.call('HINCRBY', hash, field, by) <= 0 then
      redis.call('HDEL', hash, field)
      if whenGone[hash] then whenGone[hash](field) end
    end
  end
end

function writeNotes()
  for index in pairs(scores) do flush(index) end
  for hash, fields in pairs(changed) do writeNumbers(hash, fields) end
  for hash, fields in pairs(tallies) do writeTallies(hash, fields) end
end
