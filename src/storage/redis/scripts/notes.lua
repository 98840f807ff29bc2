--[[ Part of every script that writes: what many tasks of a script change alike is noted, and written at the end with one
command for each key, see `writeNotes`. Until then nobody may read it in Redis. ]]
local scores = {}

-- `score` is false for taking the id out.
local function note(index, id, score)
  scores[index] = scores[index] or {}
  scores[index][id] = score
end

local function isNoted(index, id) return scores[index] and scores[index][id] ~= nil end

local function send(command, key, args)
  for from = 1, #args, 1000 do redis.call(command, key, unpack(args, from, math.min(from + 999, #args))) end
end

local function flush(index)
  local added, gone = {}, {}
  for id, score in pairs(scores[index] or {}) do
    if score then added[#added + 1], added[#added + 2] = score, id else gone[#gone + 1] = id end
  end
  send('ZADD', index, added)
  send('ZREM', index, gone)
  scores[index] = nil
end
