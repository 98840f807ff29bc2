-- needs: writes
-- gives: nameOf, nextEvent, publish, endEvents
--[[ Part of every script that makes transitions: publishes them in the same atomic step.
<queue>:events  stream   field `event`: the text of each event, under its id
<queue>:outbox  stream   fields `to`, `event`: events for webhooks, until the courier takes them
<prefix>:moves  channel  three lines for each transition, its queue, state and id, for all processes of the service
KEYS[1]  a queue ]]
local time = redis.call('TIME')
-- Event ids are unique over all queues.
local latest = time[1] * 1000000 + time[2] - 1
local given, told, moves, names, targets = {}, {}, {}, {}, {}

-- The name of a queue, from its key.
function nameOf(queue)
  if not names[queue] then names[queue] = string.match(queue, '{(.*)}$') end
  return names[queue]
end

-- The next event id of a queue: microseconds of the server's clock, but always higher than the last one.
function nextEvent(queue)
  latest = math.max(latest, given[queue] or increaseMeta(queue, 'event', 0)) + 1
  given[queue] = latest
  return string.format('%d', latest)
end

-- Splits a target: the channel and, after a blank, the webhooks. Parsed once, since the tasks of a script share targets.
local function targetOf(target)
  local known = targets[target]
  if known then return known end
  local blank = string.find(target, ' ', 1, true)
  known = {blank and string.sub(target, 1, blank - 1) or target, blank and string.sub(target, blank + 1)}
  targets[target] = known
  return known
end

-- Publishes an event: to its channel, to the stream of its queue, and to the outbox if a webhook wants it.
function publish(queue, number, id, state, target, length, text)
  local event, known = '{"id":' .. number .. ',' .. text, targetOf(target)
  if known[2] then redis.call('XADD', queue .. ':outbox', '*', 'to', known[2], 'event', event) end
  redis.call('XADD', queue .. ':events', number .. '-0', 'event', event)
  redis.call('PUBLISH', known[1], event)
  local size = #moves
  told[queue], moves[size + 1], moves[size + 2], moves[size + 3] = length, nameOf(queue), state, id
end

-- Call it before `writePending`. Saves the event ids, trims the streams, and publishes the transitions.
function endEvents()
  for queue, number in pairs(given) do setNumber(queue .. ':meta', 'event', number) end
  for queue, length in pairs(told) do redis.call('XTRIM', queue .. ':events', 'MAXLEN', '~', length) end
  if moves[1] then redis.call('PUBLISH', string.match(KEYS[1], '^(.*){') .. 'moves', table.concat(moves, '\n')) end
end
