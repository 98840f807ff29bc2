-- gives: scores, note, noted, disregardScores, hasNotes, send, flush
--[[ Part of every script that writes: what many tasks of a script change alike is noted, and written at the end with one
command for each key, see `writeNotes`. Until then nobody may read it in Redis. ]]
scores = {}

-- `score` is false for taking the id out.
function note(index, id, score)
  scores[index] = scores[index] or {}
  scores[index][id] = score
end

-- The score that is noted, false for one that is taken out, nil when nothing is.
function noted(index, id) return scores[index] and scores[index][id] end

-- What is noted for an index that was deleted is not written.
function disregardScores(index) scores[index] = nil end

function hasNotes(index) return scores[index] ~= nil end

function send(command, key, args)
  for from = 1, #args, 1000 do redis.call(command, key, unpack(args, from, math.min(from + 999, #args))) end
end

function flush(index)
  local added, gone, size, count = {}, {}, 0, 0
  for id, score in pairs(scores[index] or {}) do
    if score then
      added[size + 1], added[size + 2] = score, id
      size = size + 2
    else
      count = count + 1
      gone[count] = id
    end
  end
  send('ZADD', index, added)
  send('ZREM', index, gone)
  scores[index] = nil
end
