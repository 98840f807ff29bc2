import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'expect';

type Act = () => unknown;

/** The hooks and the tests of one `describe`. */
interface Block {
  readonly parent: Block | undefined;
  readonly beforeAll: Act[];
  readonly afterAll: Act[];
  readonly beforeEach: Act[];
  readonly afterEach: Act[];
  readonly steps: Act[];
}

/** A test without a limit of its own. */
const TEST_LIMIT_MS = 30_000;

/** A test was not done in time. */
export class TestLate extends Error {
  override readonly name = 'TestLate';
}

/**
 * Runs tests that were written for jest, one after the other, until the first fails. It knows what the tests of the store
 * use, and starts in a tenth of the time: hundreds of mutants are judged.
 */
export class PlainSuite {
  private block = newBlock(undefined);

  /** What tests find as globals. */
  readonly globals = {
    expect,
    describe: withEach((_: string, body: Act) => this.enter(body)),
    it: withEach((name: string, body: Act, limitMs?: number) => this.add(name, body, limitMs)),
    beforeAll: (act: Act) => this.block.beforeAll.push(act),
    afterAll: (act: Act) => this.block.afterAll.push(act),
    beforeEach: (act: Act) => this.block.beforeEach.push(act),
    afterEach: (act: Act) => this.block.afterEach.push(act),
  };

  /** @throws whatever the first test that fails throws, without its hooks that clean up */
  async run(): Promise<void> {
    await runBlock(this.block);
    this.block = newBlock(undefined);
  }

  private enter(body: Act): void {
    const outer = this.block;
    const inner = newBlock(outer);
    this.block = inner;
    body();
    this.block = outer;
    outer.steps.push(() => runBlock(inner));
  }

  private add(name: string, body: Act, limitMs = TEST_LIMIT_MS): void {
    const { block } = this;
    block.steps.push(async () => {
      for (const act of outward(block)
        .toReversed()
        .flatMap((each) => each.beforeEach))
        await act();
      await within(limitMs, name, body);
      for (const act of outward(block).flatMap((each) => each.afterEach)) await act();
    });
  }
}

async function runBlock({ beforeAll, steps, afterAll }: Block): Promise<void> {
  for (const act of [...beforeAll, ...steps, ...afterAll]) await act();
}

async function within(limitMs: number, name: string, body: Act): Promise<void> {
  const over = new AbortController();
  const limit = delay(limitMs, undefined, { signal: over.signal }).then(() => {
    throw new TestLate(`${name}: not done after ${limitMs} ms`);
  });
  limit.catch(() => undefined);
  await Promise.race([body(), limit]);
  over.abort();
}

/** The block and those around it. */
function outward(block: Block): Block[] {
  return [block, ...(block.parent ? outward(block.parent) : [])];
}

function newBlock(parent: Block | undefined): Block {
  return { parent, beforeAll: [], afterAll: [], beforeEach: [], afterEach: [], steps: [] };
}

type Declare = (name: string, body: (...row: never[]) => unknown, limitMs?: number) => void;

/** Adds `each`, with which a row that is no array is the one argument. */
function withEach(declare: (name: string, body: Act, limitMs?: number) => void): Declare {
  const each =
    (rows: readonly unknown[]) => (name: string, body: (...row: unknown[]) => unknown, limitMs?: number) => {
      for (const row of rows) declare(name, () => body(...(Array.isArray(row) ? row : [row])), limitMs);
    };
  return Object.assign(declare, { each });
}
