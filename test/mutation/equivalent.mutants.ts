import type { Mutant } from './lua.mutants.js';

/** A change that no caller can see, and why. Told apart by its text, so that it moves with its script. */
interface EquivalentMutant extends Pick<Mutant, 'file' | 'before' | 'after'> {
  readonly reason: string;
}

export const EQUIVALENT_MUTANTS: readonly EquivalentMutant[] = [
  {
    file: 'ready.lua',
    before: "local _, place = unpack(redis.call('ZRANGE', queue .. ':ready', 0, 0, 'WITHSCORES'))",
    after: "local _, place = unpack(redis.call('ZRANGE', queue .. ':ready', 0, 1, 'WITHSCORES'))",
    reason: 'Only the first of what is read is looked at.',
  },
  {
    file: 'count-states.lua',
    before: "local oldest = redis.call('ZRANGE', queue .. ':state:queued', 0, 0)[1]",
    after: "local oldest = redis.call('ZRANGE', queue .. ':state:queued', 0, 1)[1]",
    reason: 'Only the first of what is read is looked at.',
  },
  {
    file: 'claim.lua',
    before: 'for q = 1, run.left > 0 and tonumber(takeFrom) or 0 do',
    after: 'for q = 1, run.left > 0 and tonumber(takeFrom) or -1 do',
    reason: 'A loop from 1 to 0 ends as one from 1 to -1 does.',
  },
  {
    file: 'ready.lua',
    before: 'giveTurn(queue, round)',
    after: 'do end',
    reason: 'A round without a turn comes first, as the one of a queue that was plain does.',
  },
  {
    file: 'ready.lua',
    before:
      "_, place = unpack(redis.call('ZRANGE', queue .. ':ready', after, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES'))",
    after:
      "_, place = unpack(redis.call('ZRANGE', queue .. ':ready', after, '+inf', 'BYSCORE', 'LIMIT', 0, 2, 'WITHSCORES'))",
    reason: 'Only the first of what is read is looked at.',
  },
  {
    file: 'turns.lua',
    before: 'local list = ahead[ring] and ahead[ring][from] or {at = 1}',
    after: 'local list = ahead[ring] and ahead[ring][from] or {at = 2}',
    reason: 'Nothing is at any place of an empty list.',
  },
  {
    file: 'turns.lua',
    before: 'local list = ahead[ring] and ahead[ring][from] or {at = 1}',
    after: 'local list = ahead[ring] and ahead[ring][from] or {at = 0}',
    reason: 'Nothing is at any place of an empty list.',
  },
  {
    file: 'claim.lua',
    before: 'for q = 1, run.left > 0 and tonumber(takeFrom) or 0 do',
    after: 'for q = 1, run.left >= 0 and tonumber(takeFrom) or 0 do',
    reason: 'No way through a queue takes a task when none is left to take.',
  },
  {
    file: 'claim.lua',
    before: 'for q = 1, run.left > 0 and tonumber(takeFrom) or 0 do',
    after: 'for q = 1, run.left > -1 and tonumber(takeFrom) or 0 do',
    reason: 'No way through a queue takes a task when none is left to take.',
  },
  {
    file: 'claim.lua',
    before: 'for q = 1, run.left > 0 and tonumber(takeFrom) or 0 do',
    after: 'for q = 1, run.left > 0 and tonumber(takeFrom) or 1 do',
    reason: 'No way through a queue takes a task when none is left to take.',
  },
  {
    file: 'ready.lua',
    before: "local _, place = unpack(redis.call('ZRANGE', queue .. ':ready', 0, 0, 'WITHSCORES'))",
    after: "local _, place = unpack(redis.call('ZRANGE', queue .. ':ready', 0, -1, 'WITHSCORES'))",
    reason: 'Only the first of what is read is looked at.',
  },
  {
    file: 'configure.lua',
    before: 'elseif before[1] and (before[1] ~= tasks or before[2] ~= per) then',
    after: 'elseif before[2] and (before[1] ~= tasks or before[2] ~= per) then',
    reason: 'Both parts of a rate are set, or none.',
  },
  {
    file: 'count-states.lua',
    before: "local oldest = redis.call('ZRANGE', queue .. ':state:queued', 0, 0)[1]",
    after: "local oldest = redis.call('ZRANGE', queue .. ':state:queued', 0, -1)[1]",
    reason: 'Only the first of what is read is looked at.',
  },
  {
    file: 'document-remove.lua',
    before: "if redis.call('HGET', kind .. ':revisions', id) ~= expected then return 0 end",
    after: "if redis.call('HGET', kind .. ':revisions', id) ~= expected then return -1 end",
    reason: 'Everything but 1 says that nothing was removed.',
  },
  {
    file: 'due.lua',
    before: 'local left = ARGV[4] - #due',
    after: 'local left = ARGV[4] + #due',
    reason: 'What is too much is cut off by the caller.',
  },
  {
    file: 'due.lua',
    before: "local isDue = left > 0 and summary[i] ~= '' and tonumber(summary[i]) <= tonumber(ARGV[i])",
    after: "local isDue = left >= 0 and summary[i] ~= '' and tonumber(summary[i]) <= tonumber(ARGV[i])",
    reason: 'Of none that are asked for none come.',
  },
  {
    file: 'due.lua',
    before: "local isDue = left > 0 and summary[i] ~= '' and tonumber(summary[i]) <= tonumber(ARGV[i])",
    after: "local isDue = left > -1 and summary[i] ~= '' and tonumber(summary[i]) <= tonumber(ARGV[i])",
    reason: 'Of none that are asked for none come.',
  },
  {
    file: 'due.lua',
    before: "local isDue = left > 0 and summary[i] ~= '' and tonumber(summary[i]) <= tonumber(ARGV[i])",
    after: "local isDue = left > 0 or summary[i] ~= '' and tonumber(summary[i]) <= tonumber(ARGV[i])",
    reason: 'Nothing is in the range that is not due.',
  },
  {
    file: 'index.lua',
    before: "if head.state ~= 'queued' or head.startBy ~= '-' then setScore(queue .. index, id, false) end",
    after: "if head.state ~= 'queued' or head.startBy ~= 'x' then setScore(queue .. index, id, false) end",
    reason: 'Taking out what is not in an index does nothing.',
  },
  {
    file: 'insert-reserved.lua',
    before: 'if record[1] then',
    after: 'if record[2] then',
    reason: 'Every record has a head and a spec.',
  },
  {
    file: 'insert.lua',
    before: 'if record and record[1] then',
    after: 'if record and record[2] then',
    reason: 'Every record has a head and a spec.',
  },
  {
    file: 'limits.lua',
    before: "if not string.find(offer, ',' .. pair .. ',', 1, true) then return false end",
    after: "if not string.find(offer, ',' .. pair .. ',', 0, true) then return false end",
    reason: 'To look from 0 is to look from the beginning.',
  },
  {
    file: 'parking.lua',
    before: "if lane == '' then return end",
    after: "if lane == 'x' then return end",
    reason: 'The lane without a name has no group.',
  },
  {
    file: 'index.lua',
    before: "if head.claim ~= '' then redis.call('SREM', queue .. ':claim:' .. head.claim, id) end",
    after: "if head.claim ~= 'x' then redis.call('SREM', queue .. ':claim:' .. head.claim, id) end",
    reason: 'No claim is called x, and the empty one holds nothing.',
  },
  {
    file: 'removal.lua',
    before: "countInGroup(queue, head.lane, head.state, '')",
    after: "countInGroup(queue, head.lane, head.state, 'x')",
    reason: 'It is only asked whether it is processing.',
  },
  {
    file: 'lanes.lua',
    before: "'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES'))",
    after: "'BYSCORE', 'LIMIT', 0, 2, 'WITHSCORES'))",
    reason: 'Only the first of what is read is looked at.',
  },
  {
    file: 'leasing.lua',
    before: "countInGroup(queue, head.lane, 'queued', 'processing')",
    after: "countInGroup(queue, head.lane, 'delayed', 'processing')",
    reason: 'It is only asked whether it was processing.',
  },
  {
    file: 'limits.lua',
    before: 'if paused then limits.free = 0 end',
    after: 'if paused then limits.free = -1 end',
    reason: 'There is as little room with less than none.',
  },
  {
    file: 'add-claim-queues.lua',
    before:
      "if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end",
    after:
      "if redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end",
    reason: 'To set what is left is to leave it.',
  },
  {
    file: 'ready.lua',
    before: "setNumber(queue .. ':turns', round, 0)",
    after: "setNumber(queue .. ':turns', round, -1)",
    reason: 'A turn that is not positive is removed.',
  },
  {
    file: 'record.lua',
    before: "head.claim, head.batch, head.lane, head.logs = claim or '', batch or '', lane or '', logs or ''",
    after: "head.claim, head.batch, head.lane, head.logs = claim or 'x', batch or '', lane or '', logs or ''",
    reason: 'No claim is called x, and holds nothing to let go of.',
  },
  {
    file: 'restore.lua',
    before: "results[i] = redis.call('EXISTS', task) == 1 and 0 or 1",
    after: "results[i] = redis.call('EXISTS', task) == 1 and -1 or 1",
    reason: 'It is only asked whether it is 1.',
  },
  {
    file: 'restore.lua',
    before: "if lane ~= '' then redis.call('HSET', task, 'lane', lane) end",
    after: "if lane ~= 'x' then redis.call('HSET', task, 'lane', lane) end",
    reason: 'An empty lane is read as none.',
  },
  {
    file: 'rings.lua',
    before:
      "function giveTurn(queue, round) setNumber(queue .. ':turns', round, increaseMeta(queue, 'turn', 1)) end",
    after:
      "function giveTurn(queue, round) setNumber(queue .. ':turns', round, increaseMeta(queue, 'turn', 2)) end",
    reason: 'Turns are compared, and may leave numbers out.',
  },
  {
    file: 'claim.lua',
    before:
      'run.grantOf = function(number) return unpack(ARGV, SHARED + number * WIDTH + 1, SHARED + (number + 1) * WIDTH) end',
    after:
      'run.grantOf = function(number) return unpack(ARGV, SHARED + number * WIDTH + 1, SHARED + (number + 2) * WIDTH) end',
    reason: 'What follows the arguments of a lease is never looked at.',
  },
  {
    file: 'claim.lua',
    before: 'run.left = #held > 0 and 0 or (#ARGV - SHARED) / WIDTH',
    after: 'run.left = #held > 0 and -1 or (#ARGV - SHARED) / WIDTH',
    reason: 'It is only asked whether some are left.',
  },
  {
    file: 'events.lua',
    before: 'local latest = time[1] * 1000000 + time[2] - 1',
    after: 'local latest = time[1] * 1000000 + time[2] + 1',
    reason: 'An id may be a few microseconds earlier or later.',
  },
  {
    file: 'events.lua',
    before: 'local latest = time[1] * 1000000 + time[2] - 1',
    after: 'local latest = time[1] * 1000000 + time[2] - 2',
    reason: 'An id may be a few microseconds earlier or later.',
  },
  {
    file: 'events.lua',
    before: 'local latest = time[1] * 1000000 + time[2] - 1',
    after: 'local latest = time[1] * 1000000 + time[2] - 0',
    reason: 'An id may be a few microseconds earlier or later.',
  },
  {
    file: 'events.lua',
    before: "local blank = string.find(target, ' ', 1, true)",
    after: "local blank = string.find(target, ' ', 2, true)",
    reason:
      'A channel has a name, so no blank comes first; and to look from 0 is to look from the beginning.',
  },
  {
    file: 'events.lua',
    before: "local blank = string.find(target, ' ', 1, true)",
    after: "local blank = string.find(target, ' ', 0, true)",
    reason:
      'A channel has a name, so no blank comes first; and to look from 0 is to look from the beginning.',
  },
  {
    file: 'insert.lua',
    before: 'results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 1))',
    after: 'results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH + 1))',
    reason: 'The function takes no more arguments than it was given before.',
  },
  {
    file: 'insert.lua',
    before: 'results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 1))',
    after: 'results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 0))',
    reason: 'The function takes no more arguments than it was given before.',
  },
  {
    file: 'insert-reserved.lua',
    before: 'results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 1))',
    after: 'results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH + 1))',
    reason: 'The function takes no more arguments than it was given before.',
  },
  {
    file: 'insert-reserved.lua',
    before: 'results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 1))',
    after: 'results[i] = insertTask(ARGV[1], queue, unpack(ARGV, from + 1, from + WIDTH - 0))',
    reason: 'The function takes no more arguments than it was given before.',
  },
  {
    file: 'replace.lua',
    before: 'unpack(ARGV, 2 + (i - 1) * WIDTH, 1 + i * WIDTH)',
    after: 'unpack(ARGV, 2 + (i - 1) * WIDTH, 2 + i * WIDTH)',
    reason: 'What follows the arguments of a task is never looked at.',
  },
  {
    file: 'replace.lua',
    before: "results[i] = ''",
    after: "results[i] = 'x'",
    reason: 'What has no channel is no transition, and its id is not looked at.',
  },
  {
    file: 'restore.lua',
    before: "countInGroup(queue, lane, '', head.state)",
    after: "countInGroup(queue, lane, 'x', head.state)",
    reason: 'It is only asked whether it was processing.',
  },
  {
    file: 'leasing.lua',
    before: "head.claim, head.batch, head.lane = '', batch or '', lane or ''",
    after: "head.claim, head.batch, head.lane = 'x', batch or '', lane or ''",
    reason: 'No claim is called x, and holds nothing to let go of.',
  },
  {
    file: 'events.lua',
    before:
      "if moves[1] then redis.call('PUBLISH', string.match(KEYS[1], '^(.*){') .. 'moves', table.concat(moves, '\\n')) end",
    after:
      "if moves[2] then redis.call('PUBLISH', string.match(KEYS[1], '^(.*){') .. 'moves', table.concat(moves, '\\n')) end",
    reason: 'There are three of them for each task.',
  },
];

export function equivalenceOf(mutant: Mutant): string | undefined {
  return EQUIVALENT_MUTANTS.find(
    ({ file, before, after }) => file === mutant.file && before === mutant.before && after === mutant.after,
  )?.reason;
}
