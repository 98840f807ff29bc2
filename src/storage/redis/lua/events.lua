-- needs: writes
-- gives: nameOf, nextEvent, publish, endEvents
--[[ Part of every script that makes transitions: tells of them in the same atomic step.
<queue>:events  stream   field `event`: the text of each, ids as in the text
<queue>:outbox  stream   fields `to`, `event`: events for webhooks, until the courier takes them
<prefix>:moves  channel  what the processes of the service hear: queue, state and id of each, all with a line of its own
KEYS[1]  a queue ]]
local time = redis.call('TIME')
-- Ids are unique over all queues.
local latest = time[1] * 1000000 + time[2] - 1
local given, told, moves, names, targets = {}, {}, {}, {}, {}

-- The name of a queue, from its key.
function nameOf(queue)
  if not names[queue] then names[queue] = string.match(queue, '{(.*)}$') end
  return names[queue]
end

-- Microseconds of the server's clock; later than the one before, whatever the clock does.
function nextEvent(queue)
  latest = math.max(latest, given[queue] or increaseMeta(queue, 'event', 0)) + 1
  given[queue] = latest
  return string.format('%d', latest)
end

-- Behind the channel, after a blank, may be whom else to tell. Tasks of one script have few different targets.
local function targetOf(target)
  local known = targets[target]
  if known then return known end
  local blank = string.find(target, ' ', 1, true)
  known = {blank and string.sub(target, 1, blank - 1) or target, blank and string.sub(target, blank + 1)}
  targets[target] = known
  return known
end

function publish(queue, number, id, state, target, length, text)
  local event, known = '{"id":' .. number .. ',' .. text, targetOf(target)
  if known[2] then redis.call('XADD', queue .. ':outbox', '*', 'to', known[2], 'event', event) end
  redis.call('XADD', queue .. ':events', number .. '-0', 'event', event)
  redis.call('PUBLISH', known[1], event)
  local size = #moves
  told[queue], moves[size + 1], moves[size + 2], moves[size + 3] = length, nameOf(queue), state, id
end

-- Before `writePending`. Of each stream about as many entries are kept as was told.
function endEvents()
  for queue, number in pairs(given) do setNumber(queue .. ':meta', 'event', number) end
  for queue, length in pairs(told) do redis.call('XTRIM', queue .. ':events', 'MAXLEN', '~', length) end
  if moves[1] then redis.call('PUBLISH', string.match(KEYS[1], '^(.*){') .. 'moves', table.concat(moves, '\n')) end
end
