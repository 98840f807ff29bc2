import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { jest } from '@jest/globals';
import { Validator } from 'class-validator';
import { TaskStore } from '../../src/storage/task-store.js';
import type { TestApp } from '../support/test-app.js';

/** What one operation costs, in counts that are the same on every machine. */
export interface Cost {
  /** Reads of single records from the file of the embedded store. */
  readonly lmdbGets: number;
  /** Writes and removals in it. */
  readonly lmdbPuts: number;
  /** Its transactions. */
  readonly lmdbCommits: number;
  readonly storeCalls: number;
  /** Values that the service writes as JSON, and reads. */
  readonly jsonWrites: number;
  readonly jsonReads: number;
  /** Calls of class-validator. */
  readonly validations: number;
  /** Writes to the socket of the client. */
  readonly socketWrites: number;
}

type Counts = { -readonly [Name in keyof Cost]: number };
type Method = (...args: unknown[]) => unknown;

const STORE_METHODS = ['insert', 'claim', 'replace', 'find', 'findPayload', 'findAttempts'];

/** Counts what an application does. One at a time. */
export class CostMeter {
  private counts = zero();

  constructor({ app }: TestApp) {
    const store = app.get(TaskStore, { strict: false });
    for (const method of STORE_METHODS) this.count(store, method, 'storeCalls');
    this.count(store.views, 'position', 'storeCalls');
    rootOf(store)?.on('beforecommit', () => {
      this.counts.lmdbCommits += 1;
    });
    for (const table of tablesOf(store)) {
      this.count(table, 'get', 'lmdbGets');
      this.count(table, 'put', 'lmdbPuts');
      this.count(table, 'remove', 'lmdbPuts');
    }
    this.count(JSON, 'stringify', 'jsonWrites');
    this.count(JSON, 'parse', 'jsonReads');
    this.count(Validator.prototype, 'validateSync', 'validations');
    // A socket that a server has taken knows it.
    const isServed = (socket: unknown) => Boolean((socket as { server?: object | null }).server);
    this.count(Socket.prototype, '_writeGeneric', 'socketWrites', isServed);
  }

  /** What one call costs: the least of several, since the service does other things meanwhile. */
  async costOf(
    call: (number: number) => Promise<unknown>,
    afterEach: (number: number) => Promise<void>,
  ): Promise<Cost> {
    const seen: Counts[] = [];
    for (let number = 0; number < CALLS; number += 1) {
      this.counts = zero();
      await call(number);
      seen.push({ ...this.counts });
      await afterEach(number);
    }
    return Object.fromEntries(
      NAMES.map((name) => [name, Math.min(...seen.map((counts) => counts[name]))]),
    ) as unknown as Cost;
  }

  stop(): void {
    jest.restoreAllMocks();
  }

  private count(
    target: object,
    method: string,
    name: keyof Cost,
    isSelected: (self: unknown) => boolean = () => true,
  ): void {
    const holder = target as Record<string, Method>;
    const original = holder[method];
    if (original === undefined) throw new Error(`There is no ${method} to count`);
    const add = (self: unknown) => {
      if (isSelected(self)) this.counts[name] += 1;
    };
    jest.spyOn(holder, method).mockImplementation(function counted(this: unknown, ...args) {
      add(this);
      return original.apply(this, args);
    });
  }
}

const CALLS = 5;

const NAMES = Object.keys(zero()) as (keyof Cost)[];

function zero(): Counts {
  return {
    lmdbGets: 0,
    lmdbPuts: 0,
    lmdbCommits: 0,
    storeCalls: 0,
    jsonWrites: 0,
    jsonReads: 0,
    validations: 0,
    socketWrites: 0,
  };
}

/** The file of an embedded store. */
function rootOf(store: TaskStore): EventEmitter | undefined {
  return (store as unknown as { files?: { root: EventEmitter } }).files?.root;
}

/** The tables of an embedded store; of any other none. */
function tablesOf(store: TaskStore): object[] {
  const { files = {} } = store as unknown as { files?: object };
  return Object.values(files).filter(
    (value): value is object => typeof value === 'object' && value !== null && 'getRange' in value,
  );
}
