import { randomBytes } from 'node:crypto';
import { LOG_BLOCK_BYTES, LOG_READ_BYTES, type LogAppended } from '../../../src/storage/task-logs.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { cancel, heartbeat } from '../../../src/task/task.machine.js';
import type { ProcessingTask, Task } from '../../../src/task/task.js';
import type { StartStore } from '../../support/store-harness.js';
import { asProcessing, type StoreUser } from '../../support/store-user.js';

const KIB = 1024;
/** Colors, text that is not UTF-8, and every other byte. */
const HOSTILE = Buffer.concat([
  Buffer.from('\u001b[31mred\u001b[0m é日本🙂\r\n'),
  Buffer.from([0xff, 0xc3, 0x28, 0x00]),
  Buffer.from(Uint8Array.from({ length: 256 }, (_, index) => index)),
]);

const appended = (size: number): LogAppended => ({ outcome: 'appended', size });
const misplaced = (size: number): LogAppended => ({ outcome: 'misplaced', size });
const STALE: LogAppended = { outcome: 'stale' };

/** The logs of attempts: what was sent is there, once, and goes with its task. */
export function describeLogs(start: StartStore): void {
  async function held(
    settings?: Parameters<StartStore>[0],
  ): Promise<{ user: StoreUser; task: ProcessingTask }> {
    const user = await start(settings);
    await user.add({ id: 'a', maxInterruptions: 9 });
    return { user, task: await user.takeOne() };
  }

  const append = (user: StoreUser, task: ProcessingTask, bytes: Buffer | string, offset?: number) =>
    user.store.logs.append({ task, offset, bytes: Buffer.from(bytes as string) });

  /** All bytes that are kept. */
  async function whole(user: StoreUser, task: Task, attempt = task.attempt): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let offset = 0; ;) {
      const part = await user.store.logs.read(task, { attempt, offset, limit: LOG_READ_BYTES });
      if (part.bytes.length === 0) return Buffer.concat(parts);
      parts.push(part.bytes);
      offset = part.offset + part.bytes.length;
    }
  }

  it('gives bytes back to the letter, in parts of any size', async () => {
    const { user, task } = await held();
    expect(await append(user, task, HOSTILE, 0)).toEqual(appended(HOSTILE.length));
    const large = randomBytes(3 * LOG_BLOCK_BYTES);
    expect(await append(user, task, large)).toEqual(appended(HOSTILE.length + large.length));
    const all = Buffer.concat([HOSTILE, large]);
    expect((await whole(user, task)).equals(all)).toBe(true);
    for (const [offset, limit] of [
      [0, 1],
      [5, 300],
      [LOG_BLOCK_BYTES - 1, 2],
      [LOG_BLOCK_BYTES, 1],
      [100, 2 * LOG_BLOCK_BYTES],
      [0, 0],
    ] as const) {
      const part = await user.store.logs.read(task, { attempt: 1, offset, limit });
      expect(part).toMatchObject({ attempt: 1, first: 0, size: all.length, offset });
      expect(part.bytes.equals(all.subarray(offset, offset + limit))).toBe(true);
    }
  });

  it('reads nothing behind the end, of an attempt without a log, and of an unknown attempt', async () => {
    const { user, task } = await held();
    const empty = { first: 0, size: 0, offset: 0, bytes: Buffer.alloc(0) };
    expect(await user.store.logs.read(task, { attempt: 1, offset: 9, limit: 9 })).toEqual({
      attempt: 1,
      ...empty,
    });
    await append(user, task, 'abc');
    const end = await user.store.logs.read(task, { attempt: 1, offset: 100_000, limit: 9 });
    expect(end).toMatchObject({ size: 3, offset: 3, bytes: Buffer.alloc(0) });
    expect(await user.store.logs.read(task, { attempt: 2, offset: 0, limit: 9 })).toEqual({
      attempt: 2,
      ...empty,
    });
    expect(await user.store.logs.list(task)).toEqual([{ attempt: 1, first: 0, size: 3 }]);
  });

  it('takes a chunk once, however often it is sent', async () => {
    const { user, task } = await held();
    const answers = [await append(user, task, 'abc', 0), await append(user, task, 'abc', 0)];
    answers.push(
      await append(user, task, 'bcdef', 1),
      await append(user, task, 'd', 3),
      await append(user, task, '', 2),
    );
    expect(answers).toEqual([appended(3), appended(3), appended(6), appended(6), appended(6)]);
    expect((await whole(user, task)).toString()).toBe('abcdef');
  });

  it('takes overlaps across blocks', async () => {
    const { user, task } = await held();
    const all = randomBytes(4 * LOG_BLOCK_BYTES + 100);
    const cuts = [0, 10, LOG_BLOCK_BYTES, LOG_BLOCK_BYTES + 1, 3 * LOG_BLOCK_BYTES - 5, all.length];
    for (const [index, end] of cuts.slice(1).entries()) {
      const from = Math.max((cuts[index] ?? 0) - 77, 0);
      expect(await append(user, task, all.subarray(from, end), from)).toEqual(appended(end));
    }
    expect((await whole(user, task)).equals(all)).toBe(true);
  });

  it('refuses a gap, and other bytes at the same place', async () => {
    const { user, task } = await held();
    expect(await append(user, task, 'x', 1)).toEqual(misplaced(0));
    await append(user, task, 'abc', 0);
    expect(await append(user, task, 'x', 4)).toEqual(misplaced(3));
    expect(await append(user, task, 'abX', 0)).toEqual(misplaced(3));
    expect(await append(user, task, 'Xdef', 2)).toEqual(misplaced(3));
    expect(await append(user, task, 'X', 0)).toEqual(misplaced(3));
    expect((await whole(user, task)).toString()).toBe('abc');
  });

  it('keeps the end when there is more than allowed', async () => {
    const maxBytes = 4 * LOG_BLOCK_BYTES;
    const { user, task } = await held({ logs: { maxBytes, maxAttempts: 5 } });
    const all = randomBytes(11 * LOG_BLOCK_BYTES + 50);
    for (const [from, end] of [
      [0, 100],
      [100, 5 * LOG_BLOCK_BYTES],
      [5 * LOG_BLOCK_BYTES, all.length - 1],
      [all.length - 1, all.length],
    ] as const)
      expect(await append(user, task, all.subarray(from, end), from)).toEqual(appended(end));
    const [extent] = await user.store.logs.list(task);
    const first = extent?.first ?? 0;
    expect(extent).toEqual({ attempt: 1, first: 8 * LOG_BLOCK_BYTES, size: all.length });
    expect((await whole(user, task)).equals(all.subarray(first))).toBe(true);
    // What is gone cannot be compared.
    expect(await append(user, task, 'gone', 0)).toEqual(appended(all.length));
    expect(await append(user, task, all.subarray(first - 10, first + 10), first - 10)).toEqual(
      appended(all.length),
    );
    expect(await append(user, task, 'X', first)).toEqual(misplaced(all.length));
  });

  it('keeps the end of one chunk that alone is too large', async () => {
    const { user, task } = await held({ logs: { maxBytes: 2 * LOG_BLOCK_BYTES, maxAttempts: 5 } });
    const all = randomBytes(60 * LOG_BLOCK_BYTES + 9);
    expect(await append(user, task, all, 0)).toEqual(appended(all.length));
    expect((await whole(user, task)).equals(all.subarray(59 * LOG_BLOCK_BYTES))).toBe(true);
  });

  it('keeps the logs of the latest attempts', async () => {
    const { user, task } = await held({ logs: { maxBytes: 64 * KIB, maxAttempts: 2 } });
    let current = task;
    for (const text of ['one', 'two', 'three']) {
      await append(user, current, text);
      current = asProcessing(await user.release(current).then(() => user.takeOne()));
    }
    expect((await user.store.logs.list(current)).map(({ attempt }) => attempt)).toEqual([2, 3]);
    expect((await whole(user, current, 1)).length).toBe(0);
    expect((await whole(user, current, 3)).toString()).toBe('three');
  });

  it('takes nothing for an attempt that has ended, however it ended', async () => {
    const endings: Record<string, (user: StoreUser, task: ProcessingTask) => Promise<unknown>> = {
      complete: (user, task) => user.complete(task),
      fail: (user, task) => user.fail(task, 'x'),
      release: (user, task) => user.release(task),
      cancel: (user, task) => user.write(cancel(task, undefined, user.now)),
      lose: async (user, task) => {
        user.clock.advance(3_600_000);
        await user.tick(task);
      },
      clear: (user) => user.store.clear({}),
      reuse: async (user) => {
        await user.store.clear({});
        user.clock.advance(1);
        await user.add({ id: 'a' });
        await user.takeOne();
      },
    };
    for (const [name, end] of Object.entries(endings)) {
      const { user, task } = await held();
      await append(user, task, 'before');
      await end(user, task);
      expect([name, await append(user, task, 'late')]).toEqual([name, STALE]);
      expect([name, await append(user, task, 'before', 0)]).toEqual([name, STALE]);
    }
  });

  it('keeps the log of each attempt apart, also under another lease of the same worker', async () => {
    const { user, task } = await held();
    await append(user, task, 'first');
    await user.release(task);
    const again = await user.takeOne();
    expect(await append(user, task, 'late')).toEqual(STALE);
    expect(await append(user, again, 'second', 0)).toEqual(appended(6));
    expect((await whole(user, again, 1)).toString()).toBe('first');
    expect((await whole(user, again, 2)).toString()).toBe('second');
    expect(await user.store.logs.list(again)).toEqual([
      { attempt: 1, first: 0, size: 5 },
      { attempt: 2, first: 0, size: 6 },
    ]);
  });

  it('goes on under a lease that a heartbeat has extended', async () => {
    const { user, task } = await held();
    await append(user, task, 'a');
    const beaten = heartbeat(task, { leaseId: task.lease.id, extend: 60 }, user.now);
    expect(await user.store.replace([{ task: beaten }])).toEqual([true]);
    expect(await append(user, task, 'b', 1)).toEqual(appended(2));
    // An append is no revision: what was read before can still be written.
    expect((await user.complete(beaten)).state).toBe('completed');
  });

  it('goes with its task, and not to the next one with the same id', async () => {
    const removals: Record<string, (user: StoreUser, task: ProcessingTask) => Promise<unknown>> = {
      remove: async (user, task) => user.store.remove([await user.complete(task)]),
      clear: (user) => user.store.clear({}),
      'clear by state': (user) => user.store.clear({ states: ['processing'] }),
    };
    for (const [name, remove] of Object.entries(removals)) {
      const { user, task } = await held();
      await append(user, task, randomBytes(3 * LOG_BLOCK_BYTES));
      await remove(user, task);
      expect([name, (await whole(user, task)).length]).toEqual([name, 0]);
      expect([name, await user.store.logs.list(task)]).toEqual([name, []]);
      user.clock.advance(1);
      await user.add({ id: 'a' });
      const next = await user.takeOne();
      expect([name, (await whole(user, next)).length]).toEqual([name, 0]);
      expect([name, await append(user, next, 'new', 0)]).toEqual([name, appended(3)]);
      expect([name, (await whole(user, next)).toString()]).toEqual([name, 'new']);
    }
  });

  it('is there after a restart, and goes on', async () => {
    const { user, task } = await held();
    const all = randomBytes(2 * LOG_BLOCK_BYTES + 9);
    await append(user, task, all.subarray(0, 9_000), 0);
    await user.harness.crash();
    expect(await append(user, task, all, 0)).toEqual(appended(all.length));
    await user.harness.reopen();
    expect((await whole(user, task)).equals(all)).toBe(true);
    await user.complete(task);
    await user.harness.reopen();
    expect((await whole(user, await user.find('a'))).equals(all)).toBe(true);
  });

  it('counts towards the bytes of ended tasks, what it keeps and no more', async () => {
    const logs = { maxBytes: 8 * LOG_BLOCK_BYTES, maxAttempts: 2 };
    const user = await start({ retentionMaxBytes: 200 * KIB, logs });
    const end = async (id: string) => {
      await user.add({ id });
      for (const isLast of [false, false, true]) {
        user.clock.advance(1);
        const task = await user.takeOne();
        await append(user, task, randomBytes(12 * LOG_BLOCK_BYTES));
        if (isLast) await user.complete(task);
        else await user.release(task);
      }
    };
    // Two logs of 8 blocks each: 127.5 KiB.
    await end('a');
    expect(await user.dueIds()).toEqual([]);
    await end('b');
    expect(await user.dueIds()).toEqual(['a']);
    await user.harness.reopen();
    expect(await user.dueIds()).toEqual(['a']);
    await user.store.remove([await user.find('a')]);
    expect(await user.dueIds()).toEqual([]);
    await end('c');
    expect(await user.dueIds()).toEqual(['b']);
    await user.store.clear({});
    await end('d');
    expect(await user.dueIds()).toEqual([]);
  });

  it('no longer counts the log of a task that was redriven, until it ends again', async () => {
    const user = await start({ retentionMaxBytes: 100 * KIB });
    await user.add({ id: 'a', maxAttempts: 1 });
    const task = await user.takeOne();
    await append(user, task, randomBytes(12 * LOG_BLOCK_BYTES));
    const failed = await user.fail(task);
    expect(await user.dueIds()).toEqual([]);
    await user.redrive(failed);
    await user.end('b', { payload: 'x'.repeat(60 * KIB) });
    expect(await user.dueIds()).toEqual([]);
    user.clock.advance(1);
    await user.complete(await user.takeOne());
    expect(await user.dueIds()).toEqual(['b']);
  });

  it('appends what many callers send at once, each once', async () => {
    const { user, task } = await held();
    const all = randomBytes(40 * 500);
    const chunks = Array.from({ length: 40 }, (_, index) => index * 500);
    const pending = new Set(
      chunks.flatMap((offset) => [offset, offset]).map((offset, index) => ({ offset, index })),
    );
    while (pending.size > 0) {
      await Promise.all(
        [...pending].map(async (each) => {
          const { offset } = each;
          const answer = await append(user, task, all.subarray(offset, offset + 500), offset);
          if (answer.outcome === 'appended') pending.delete(each);
        }),
      );
    }
    expect((await whole(user, task)).equals(all)).toBe(true);
  });

  it('tells of each append', async () => {
    const { user, task } = await held();
    const told: string[] = [];
    user.store.logs.onAppend((id) => told.push(id));
    await append(user, task, 'a', 0);
    await append(user, task, 'b', 5);
    expect(told).toEqual(['a']);
  });

  it('takes over a log of another store, and what follows it', async () => {
    const { user, task } = await held();
    const all = randomBytes(5 * LOG_BLOCK_BYTES);
    const done = await user.complete(task);
    const first = 2 * LOG_BLOCK_BYTES;
    for (const [from, end] of [
      [first, first + 100],
      [first, 4 * LOG_BLOCK_BYTES],
      [4 * LOG_BLOCK_BYTES, all.length],
    ] as const)
      await user.store.logs.restore(done, { attempt: 1, offset: from, bytes: all.subarray(from, end) });
    expect(await user.store.logs.list(done)).toEqual([{ attempt: 1, first, size: all.length }]);
    expect((await whole(user, done)).equals(all.subarray(first))).toBe(true);
    const found = await user.find('a');
    expect(await user.store.remove([found])).toEqual([true]);
  });

  it('counts the bytes of a log that was taken over', async () => {
    const user = await start({ retentionMaxBytes: 100 * KIB });
    const done = await user.end('a');
    await user.store.logs.restore(done, { attempt: 1, offset: 0, bytes: randomBytes(110 * KIB) });
    expect(await user.dueIds()).toEqual(['a']);
    await user.harness.reopen();
    expect(await user.dueIds()).toEqual(['a']);
    await user.store.remove([await user.find('a')]);
    await user.end('b', { payload: 'x'.repeat(60 * KIB) });
    expect(await user.dueIds()).toEqual([]);
  });

  it('refuses everything after the store was closed', async () => {
    const { user, task } = await held();
    await user.store.close();
    await expect(append(user, task, 'a')).rejects.toThrow(StoreUnavailable);
    await expect(user.store.logs.read(task, { attempt: 1, offset: 0, limit: 1 })).rejects.toThrow(
      StoreUnavailable,
    );
    await expect(user.store.logs.list(task)).rejects.toThrow(StoreUnavailable);
  });
}
