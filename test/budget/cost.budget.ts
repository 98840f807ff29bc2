import type { Cost } from './operation.cost.js';

/** On the embedded store: reads of single records from the file, writes and removals in it. */
type EmbeddedCost = Cost;
/** On Redis: scripts that are called, and the bytes of their arguments with short ids, rounded up. */
type RedisCost = Omit<Cost, 'lmdbGets' | 'lmdbPuts' | 'lmdbCommits'> & {
  readonly redisCommands: number;
  readonly redisBytes: number;
};

/** What an operation may cost at most, and why it costs that. */
export interface Budget {
  readonly why: string;
  readonly embedded: EmbeddedCost;
  readonly redis: RedisCost;
}

/** Head and body leave together, and all checks are compiled, so class-validator is never called. */
const ALWAYS = { validations: 0, socketWrites: 1 };

/**
 * The cost budget of the hot operations, over HTTP. The counts are the same on every machine. A change that exceeds one
 * fails `npm test`: make it cheaper, or raise the number here and say why beside it. A change that lowers a count lowers it
 * here too.
 */
export const BUDGET = {
  enqueue: {
    why:
      'Get: the id, to see that it is free. Puts: id, payload, record. Store: insert, position. JSON written: record and ' +
      'answer, on Redis also the event and the settings of the script; read: the envelope, and the code, to be sure that it ' +
      'is JSON. Redis: the insert and the position.',
    embedded: {
      ...ALWAYS,
      lmdbGets: 1,
      lmdbPuts: 3,
      lmdbCommits: 1,
      storeCalls: 2,
      jsonWrites: 2,
      jsonReads: 2,
    },
    redis: { ...ALWAYS, redisCommands: 2, redisBytes: 900, storeCalls: 2, jsonWrites: 4, jsonReads: 2 },
  },
  claim: {
    why:
      'Gets: record and payload; a waiting task is not kept in memory. Put: the record. JSON written: record and answer, on ' +
      'Redis also the arguments of the script; read: the record.',
    embedded: {
      ...ALWAYS,
      lmdbGets: 2,
      lmdbPuts: 1,
      lmdbCommits: 1,
      storeCalls: 1,
      jsonWrites: 2,
      jsonReads: 1,
    },
    redis: { ...ALWAYS, redisCommands: 1, redisBytes: 400, storeCalls: 1, jsonWrites: 5, jsonReads: 2 },
  },
  heartbeat: {
    why: 'No get: a task in processing is remembered. Put: the record. JSON written: record and answer; read: the body.',
    embedded: {
      ...ALWAYS,
      lmdbGets: 0,
      lmdbPuts: 1,
      lmdbCommits: 1,
      storeCalls: 2,
      jsonWrites: 2,
      jsonReads: 1,
    },
    redis: { ...ALWAYS, redisCommands: 1, redisBytes: 700, storeCalls: 1, jsonWrites: 3, jsonReads: 1 },
  },
  complete: {
    why:
      'No get: a task in processing is remembered. Puts: attempt, output, record. JSON written: attempt, record, answer; ' +
      'read: the envelope, and the output, to be sure that it is JSON.',
    embedded: {
      ...ALWAYS,
      lmdbGets: 0,
      lmdbPuts: 3,
      lmdbCommits: 1,
      storeCalls: 2,
      jsonWrites: 3,
      jsonReads: 2,
    },
    redis: { ...ALWAYS, redisCommands: 1, redisBytes: 1_000, storeCalls: 1, jsonWrites: 4, jsonReads: 2 },
  },
  find: {
    why: 'Gets: the number of the id, the record; the task has ended. JSON written: the answer; read: the record.',
    embedded: {
      ...ALWAYS,
      lmdbGets: 2,
      lmdbPuts: 0,
      lmdbCommits: 0,
      storeCalls: 1,
      jsonWrites: 1,
      jsonReads: 1,
    },
    redis: { ...ALWAYS, redisCommands: 1, redisBytes: 100, storeCalls: 1, jsonWrites: 1, jsonReads: 2 },
  },
  'batch of 100': {
    why:
      'A hundred enqueues in one transaction with one answer: per task a get, three puts and one for its place in the ' +
      'batch, a position, a record. Besides: the document of the batch, in a transaction before it. On Redis ' +
      'one script inserts, and positions share scripts.',
    embedded: {
      ...ALWAYS,
      lmdbGets: 103,
      lmdbPuts: 403,
      lmdbCommits: 2,
      storeCalls: 101,
      jsonWrites: 108,
      jsonReads: 204,
    },
    redis: {
      ...ALWAYS,
      redisCommands: 11,
      redisBytes: 85_000,
      storeCalls: 101,
      jsonWrites: 305,
      jsonReads: 205,
    },
  },
} as const satisfies Record<string, Budget>;

export type Operation = keyof typeof BUDGET;
