import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'expect';
import type { SuiteResult, TestFailure } from './suite.plan.js';

type Act = () => unknown;

/** The hooks of one `describe`. */
interface Block {
  readonly parent: Block | undefined;
  readonly name: string;
  readonly beforeAll: Act[];
  readonly afterAll: Act[];
  readonly beforeEach: Act[];
  readonly afterEach: Act[];
}

interface Test {
  readonly name: string;
  readonly block: Block;
  readonly body: Act;
}

/** A test was not done in time. */
class TestLate extends Error {
  override readonly name = 'TestLate';
}

/**
 * Runs tests that were written for jest, one after the other and in any order, until the first fails. It knows what the
 * tests of the store use, and starts in a tenth of the time: hundreds of mutants are judged.
 */
export class PlainSuite {
  private block = newBlock('', undefined);
  private readonly tests = new Map<string, Test>();
  private readonly begun = new Set<Block>();

  /** What tests find as globals. */
  readonly globals = {
    expect,
    describe: withEach((name, body) => this.enter(name, body)),
    it: withEach((name, body) => this.add(name, body)),
    beforeAll: (act: Act) => this.block.beforeAll.push(act),
    afterAll: (act: Act) => this.block.afterAll.push(act),
    beforeEach: (act: Act) => this.block.beforeEach.push(act),
    afterEach: (act: Act) => this.block.afterEach.push(act),
  };

  /** The tests that `load` declares, under a name that is theirs alone: the file, and what they are called there. */
  async load(file: string, load: () => Promise<unknown>): Promise<void> {
    this.block = newBlock(file, undefined);
    await load();
  }

  /** Runs the tests of this order; all of them, when it is empty. Nothing is cleaned up after a failure. */
  async run(order: readonly string[], limitsMs: Readonly<Record<string, number>>): Promise<SuiteResult> {
    const tookMs: Record<string, number> = {};
    for (const name of order.length === 0 ? [...this.tests.keys()] : order) {
      const start = performance.now();
      const failure = await this.failureOf(this.testOf(name), limitsMs[name]);
      tookMs[name] = performance.now() - start;
      if (failure !== undefined) return { failure: { ...failure, tookMs: tookMs[name] }, tookMs };
    }
    for (const { afterAll } of [...this.begun].toReversed()) for (const act of afterAll) await act();
    return { failure: undefined, tookMs };
  }

  private async failureOf(test: Test, limitMs = Infinity): Promise<Omit<TestFailure, 'tookMs'> | undefined> {
    try {
      await within(limitMs, () => this.runTest(test));
      return undefined;
    } catch (error) {
      return { test: test.name, isLate: error instanceof TestLate, message: String(error) };
    }
  }

  private async runTest({ block, body }: Test): Promise<void> {
    const blocks = outward(block);
    for (const each of blocks.toReversed()) await this.begin(each);
    for (const act of blocks.toReversed().flatMap((each) => each.beforeEach)) await act();
    await body();
    for (const act of blocks.flatMap((each) => each.afterEach)) await act();
  }

  private async begin(block: Block): Promise<void> {
    if (this.begun.has(block)) return;
    this.begun.add(block);
    for (const act of block.beforeAll) await act();
  }

  private testOf(name: string): Test {
    const test = this.tests.get(name);
    if (test === undefined) throw new Error(`There is no test ${name}`);
    return test;
  }

  private enter(name: string, body: Act): void {
    const outer = this.block;
    this.block = newBlock(name, outer);
    body();
    this.block = outer;
  }

  private add(name: string, body: Act): void {
    const { block, tests } = this;
    const path = [...outward(block).toReversed(), { name }].map((each) => each.name).join(' ');
    let unique = path;
    for (let row = 2; tests.has(unique); row += 1) unique = `${path} (${row})`;
    tests.set(unique, { name: unique, block, body });
  }
}

async function within(limitMs: number, act: () => Promise<void>): Promise<void> {
  if (limitMs === Infinity) return act();
  const over = new AbortController();
  const limit = delay(limitMs, undefined, { signal: over.signal }).then(() => {
    throw new TestLate(`not done after ${Math.round(limitMs)} ms`);
  });
  limit.catch(() => undefined);
  try {
    await Promise.race([act(), limit]);
  } finally {
    over.abort();
  }
}

/** The block and those around it. */
function outward(block: Block): Block[] {
  return [block, ...(block.parent ? outward(block.parent) : [])];
}

function newBlock(name: string, parent: Block | undefined): Block {
  return { name, parent, beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] };
}

type Declare = (name: string, body: (...row: never[]) => unknown, limitMs?: number) => void;

/** Adds `each`, with which a row that is no array is the one argument. */
function withEach(declare: (name: string, body: Act) => void): Declare {
  const each = (rows: readonly unknown[]) => (name: string, body: (...row: unknown[]) => unknown) => {
    for (const row of rows) declare(name, () => body(...(Array.isArray(row) ? row : [row])));
  };
  return Object.assign(declare, { each });
}
