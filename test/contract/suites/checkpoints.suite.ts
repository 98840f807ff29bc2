import { withCheckpoint } from '../../../src/queue/checkpoint-change.js';
import type { JsonText, TaskStore } from '../../../src/storage/task-store.js';
import { cancel, complete, fail, heartbeat, redrive, release, tick } from '../../../src/task/task.machine.js';
import type { ProcessingTask, Task } from '../../../src/task/task.js';
import { keptTasks } from '../../support/kept-tasks.js';
import type { StartStore } from '../../support/store-harness.js';
import { the, type StoreUser } from '../../support/store-user.js';

/** Texts that a parser, or a cut, would change. */
const TEXTS: Readonly<Record<string, JsonText>> = {
  'an empty array': '[]',
  null: 'null',
  'a number that a double cannot hold': '{"n":9007199254740993,"m":1.0}',
  'special keys, white space and escapes': String.raw` { "__proto__" : {} , "x" : "\ud800 \u0000 é🙂" }`,
  '64 KiB': `"${'x'.repeat(65_534)}"`,
};

/** Saves a checkpoint with a heartbeat. */
async function save(user: StoreUser, task: ProcessingTask, text: JsonText): Promise<ProcessingTask> {
  const beat = { leaseId: task.lease.id, checkpointBytes: Buffer.byteLength(text) };
  const next = heartbeat(task, beat, user.now);
  expect(await user.store.replace([withCheckpoint(task, { task: next }, text)])).toEqual([true]);
  return next;
}

async function write(store: TaskStore, before: Task, step: { task: Task } | undefined): Promise<Task> {
  if (step === undefined) throw new Error('Nothing to write');
  expect(await store.replace([withCheckpoint(before, step)])).toEqual([true]);
  return step.task;
}

export function describeCheckpoints(start: StartStore): void {
  it.each(Object.entries(TEXTS))('hand out to the byte what an attempt saved: %s', async (_, text) => {
    const user = await start();
    await user.add({});
    const held = await save(user, await user.takeOne(), text);
    await write(user.store, held, release(held, { leaseId: held.lease.id }, user.now));
    await user.harness.reopen();
    const claimed = the(await user.store.claim(user.request()));
    expect(claimed).toMatchObject({
      checkpoint: text,
      task: { attempt: 2, checkpoint: { attempt: 1, bytes: Buffer.byteLength(text) } },
    });
    expect(await user.store.findCheckpoint('task-1')).toBe(text);
  });

  it('are not there before one is saved', async () => {
    const user = await start();
    await user.add({});
    expect(the(await user.store.claim(user.request())).checkpoint).toBeUndefined();
    expect(await user.store.findCheckpoint('task-1')).toBeUndefined();
    expect(await user.store.findCheckpoint('unknown')).toBeUndefined();
  });

  it('are handed out again when the claim is repeated', async () => {
    const user = await start();
    await user.add({});
    const first = await user.takeOne();
    const saved = await save(user, first, '{"step":1}');
    await write(user.store, saved, release(saved, { leaseId: saved.lease.id }, user.now));
    const request = user.request({ claimId: 'again', workerId: 'w' });
    const [claimed] = await user.store.claim(request);
    const [repeated] = await user.store.claim({ ...request, leaseIds: ['other'] });
    expect([claimed?.checkpoint, repeated?.checkpoint]).toEqual(['{"step":1}', '{"step":1}']);
  });

  it.each(['lease over', 'failure', 'dead letter', 'cancel', 'expiry'] as const)(
    'outlive a %s, and a redrive unless it resets them',
    async (ending) => {
      const user = await start();
      const maxAttempts = ending === 'failure' ? 2 : 1;
      await user.add({ maxAttempts, maxInterruptions: 1, ttl: ending === 'expiry' ? 300 : undefined });
      let task: Task = await save(user, await user.takeOne(), '"first"');
      const failure = { leaseId: task.lease.id, retryAfter: 0, random: 0 };
      switch (ending) {
        case 'lease over':
          user.clock.advanceSeconds(600);
          task = await write(user.store, task, tick(task, user.now));
          break;
        case 'failure':
        case 'dead letter':
          task = await write(user.store, task, fail(task, failure, user.now));
          break;
        case 'cancel':
          task = await write(user.store, task, cancel(task, undefined, user.now));
          break;
        case 'expiry':
          task = await write(user.store, task, release(task, { leaseId: failure.leaseId }, user.now));
          user.clock.advanceSeconds(600);
          task = await write(user.store, task, tick(task, user.now));
      }
      if (task.state !== 'queued') task = await write(user.store, task, redrive(task, user.now));
      expect(the(await user.store.claim(user.request())).checkpoint).toBe('"first"');
      const held = await user.find('task-1');
      const dead = await write(user.store, held, cancel(held, undefined, user.now));
      await write(user.store, dead, redrive(dead, user.now, { isReset: true }));
      expect(the(await user.store.claim(user.request())).checkpoint).toBeUndefined();
      expect(await user.store.findCheckpoint('task-1')).toBeUndefined();
    },
  );

  it('go with the completion, and with the removal', async () => {
    const user = await start();
    await user.add({});
    const held = await save(user, await user.takeOne(), '"first"');
    const done = await write(user.store, held, complete(held, { leaseId: held.lease.id }, user.now));
    expect(await user.store.findCheckpoint('task-1')).toBeUndefined();
    await user.store.remove([done]);
    await user.add({});
    expect(the(await user.store.claim(user.request())).checkpoint).toBeUndefined();
  });

  it('are unchanged when another write came first', async () => {
    const user = await start();
    await user.add({});
    const held = await user.takeOne();
    const saved = await save(user, held, '"first"');
    const late = heartbeat(held, { leaseId: held.lease.id, checkpointBytes: 8 }, user.now);
    expect(await user.store.replace([withCheckpoint(held, { task: late }, '"second"')])).toEqual([false]);
    expect(await user.store.findCheckpoint('task-1')).toBe('"first"');
    expect(await user.find('task-1')).toEqual(saved);
  });

  it('count towards the bytes of ended tasks, each only as it was last saved', async () => {
    const user = await start({ retentionMaxBytes: 48_000 });
    for (const id of ['a', 'b']) {
      await user.add({ id, maxAttempts: 1 });
      let held = await user.takeOne();
      for (let time = 0; time < 5; time += 1) held = await save(user, held, `"${'x'.repeat(20_000)}"`);
      user.clock.advance(1);
      await write(user.store, held, fail(held, { leaseId: held.lease.id, random: 0 }, user.now));
    }
    expect(await user.dueIds()).toEqual([]);
    await user.harness.reopen();
    expect(await user.dueIds()).toEqual([]);
    const dead = await user.find('a');
    await write(user.store, dead, redrive(dead, user.now));
    const held = await save(user, await user.takeOne(), `"${'x'.repeat(40_000)}"`);
    user.clock.advance(1);
    await write(user.store, held, fail(held, { leaseId: held.lease.id, random: 0 }, user.now));
    expect(await user.dueIds()).toEqual(['b']);
    await user.harness.reopen();
    expect(await user.dueIds()).toEqual(['b']);
  });

  it('are taken over with their task by another store', async () => {
    const user = await start();
    await user.add({});
    const held = await save(user, await user.takeOne(), '{"step":1.0}');
    await write(user.store, held, release(held, { leaseId: held.lease.id }, user.now));
    const kept = await keptTasks(user.store);
    await user.store.remove([await user.find('task-1')]);
    expect(await user.store.restore(kept)).toEqual([true]);
    expect(await keptTasks(user.store)).toEqual(kept);
    expect(the(await user.store.claim(user.request())).checkpoint).toBe('{"step":1.0}');
  });
}
