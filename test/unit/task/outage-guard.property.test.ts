/** What the outage guard promises, over histories of attempts that end. */
import fc from 'fast-check';
import {
  DEFAULT_OUTAGE_GUARD,
  type Endings,
  isOngoing,
  judgeOutage,
  type Outage,
  secondOf,
} from '../../../src/task/outage-guard.js';
import { claim, spare, tick } from '../../../src/task/task.machine.js';
import type { QueuedTask, Task } from '../../../src/task/task.js';
import { at, grant, queuedTask, spec } from '../../support/task.builders.js';

const NO_WAIT = { type: 'fixed', delay: 0, maxDelay: 0, jitter: 0 } as const;

/** A queue whose attempts end one after the other, as the service judges them. */
class Queue {
  outage: Outage | undefined;
  readonly outages: Outage[] = [];
  readonly tasks = new Map<string, Task>();
  now = 1_000_000;
  private readonly interruptions: { at: number; taskId: string; workerId: string }[] = [];
  private readonly ordinary = new Map<number, number>();

  private get endings(): Endings {
    return { interruptions: this.interruptions, ordinary: this.ordinary };
  }

  task(id: string, maxInterruptions = 3): Task {
    return this.tasks.get(id) ?? queuedTask({ spec: { id, maxInterruptions, backoff: NO_WAIT } });
  }

  isDead(id: string): boolean {
    return this.tasks.get(id)?.state === 'failed';
  }

  complete(): void {
    const second = secondOf(this.now);
    this.ordinary.set(second, (this.ordinary.get(second) ?? 0) + 1);
    this.judge();
  }

  /** An attempt of the task is interrupted, unless it is dead. */
  interrupt(taskId: string, workerId: string, maxInterruptions?: number): void {
    const task = this.task(taskId, maxInterruptions);
    if (task.state !== 'queued') return;
    const held = claim(task, grant({ lease: 1 }), at(this.now - 1_000)).task;
    this.interruptions.push({ at: this.now, taskId, workerId });
    this.judge();
    const lost = tick(held, at(this.now), { isSpared: isOngoing(this.outage) });
    if (lost === undefined) throw new Error('The lease is not over');
    this.tasks.set(taskId, lost.task);
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.judge();
  }

  judge(): void {
    const { outage: before } = this;
    this.outage = judgeOutage(this.endings, DEFAULT_OUTAGE_GUARD, { before, now: this.now });
    const { outage } = this;
    if (outage === undefined || outage === before || !isOngoing(outage)) return;
    this.outages.push(outage);
    for (const [id, task] of this.tasks) this.tasks.set(id, spare(task, outage.since) ?? task);
  }
}

const milliseconds = fc.integer({ min: 0, max: 4_000 });

describe('the outage guard', () => {
  it('spends no budget in an outage, nor on the interruptions that led to it', () => {
    const losses = fc.array(fc.record({ task: fc.nat(11), worker: fc.nat(5), wait: milliseconds }), {
      minLength: 12,
      maxLength: 80,
    });
    fc.assert(
      fc.property(losses, (history) => {
        const queue = new Queue();
        for (const { task, worker, wait } of history) {
          queue.pass(wait);
          queue.interrupt(`t${task}`, `w${worker}`, 90);
        }
        if (!isOngoing(queue.outage)) return;
        const since = queue.outage?.since ?? 0;
        for (const task of queue.tasks.values()) expect(task.interruptedAt ?? -1).toBeLessThan(since);
      }),
    );
  });

  it('recognizes every outage of ten tasks on two workers within a minute', () => {
    fc.assert(
      fc.property(fc.array(milliseconds, { minLength: 10, maxLength: 10 }), (waits) => {
        const queue = new Queue();
        for (const [index, wait] of waits.entries()) {
          queue.pass(wait);
          queue.interrupt(`t${index}`, `w${index % 2}`);
        }
        expect(isOngoing(queue.outage)).toBe(true);
        for (const task of queue.tasks.values()) expect([task.interruptions, task.spared]).toEqual([0, 1]);
      }),
    );
  });

  it('spends the budget of each interruption outside an outage', () => {
    const events = fc.array(
      fc.record({
        kind: fc.constantFrom('lost', 'done', 'done'),
        task: fc.nat(30),
        worker: fc.nat(5),
        wait: milliseconds,
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(events, (history) => {
        const queue = new Queue();
        const counted = new Map<string, number>();
        for (const { kind, task, worker, wait } of history) {
          queue.pass(wait);
          if (kind === 'done') queue.complete();
          else {
            queue.interrupt(`t${task}`, `w${worker}`, 90);
            counted.set(`t${task}`, (counted.get(`t${task}`) ?? 0) + 1);
          }
        }
        fc.pre(queue.outages.length === 0);
        for (const [id, count] of counted) expect(queue.task(id).interruptions).toBe(count);
      }),
    );
  });

  it('lets a task that kills its workers fail at its budget, although others are lost', () => {
    const rounds = fc.array(fc.record({ others: fc.integer({ min: 0, max: 2 }), wait: milliseconds }), {
      minLength: 4,
      maxLength: 4,
    });
    fc.assert(
      fc.property(rounds, (history) => {
        const queue = new Queue();
        let other = 0;
        for (const [round, { others, wait }] of history.entries()) {
          expect(queue.isDead('killer')).toBe(false);
          queue.pass(wait);
          for (let count = 0; count < others; count += 1) queue.interrupt(`o${(other += 1)}`, `w${count}`);
          queue.complete();
          queue.interrupt('killer', `k${round}`);
        }
        expect(queue.task('killer')).toMatchObject({ state: 'failed', outcome: 'lost', interruptions: 4 });
      }),
    );
  });

  it('sees no outage in one task that kills a worker every second', () => {
    const queue = new Queue();
    for (let kill = 0; kill < 50; kill += 1) {
      queue.pass(1_000);
      queue.interrupt('killer', `w${kill}`, 49);
    }
    expect([queue.outages.length, queue.isDead('killer')]).toEqual([0, true]);
  });

  it('lets such a task fail after an outage that spared it', () => {
    const queue = new Queue();
    for (let task = 0; task < 12; task += 1) queue.interrupt(`t${task}`, `w${task}`);
    for (let kill = 0; kill < 8; kill += 1) {
      queue.pass(1_000);
      queue.interrupt('killer', `w${kill}`);
    }
    expect([isOngoing(queue.outage), queue.task('killer').interruptions]).toEqual([true, 0]);
    queue.pass(20_000);
    queue.complete();
    expect(isOngoing(queue.outage)).toBe(false);
    for (let kill = 0; kill < 4; kill += 1) {
      expect(queue.isDead('killer')).toBe(false);
      queue.complete();
      queue.interrupt('killer', `w${kill}`);
    }
    expect(queue.isDead('killer')).toBe(true);
  });

  it('ends an outage when attempts end ordinarily again or after a quiet window, and does not start another from the same endings', () => {
    const queue = new Queue();
    for (let task = 0; task < 12; task += 1) queue.interrupt(`t${task}`, `w${task}`);
    const found = queue.outage;
    queue.pass(1_000);
    queue.complete();
    queue.pass(1);
    expect(queue.outage).toEqual({ ...found, until: expect.any(Number) as number });
    queue.pass(30_000);
    expect(isOngoing(queue.outage)).toBe(false);
    for (let task = 0; task < 12; task += 1) queue.interrupt(`u${task}`, `w${task}`);
    expect(isOngoing(queue.outage)).toBe(true);
    queue.pass(60_000);
    expect(isOngoing(queue.outage)).toBe(true);
    queue.pass(1);
    expect(isOngoing(queue.outage)).toBe(false);
  });

  it.each([
    ['one worker', () => 'w0', 12],
    ['too few', (task: number) => `w${task}`, 9],
  ])('sees no outage where there is %s', (_, worker, count) => {
    const queue = new Queue();
    for (let task = 0; task < count; task += 1) queue.interrupt(`t${task}`, worker(task));
    expect(queue.outage).toBeUndefined();
  });
});

describe('a lost lease', () => {
  const backoff = { type: 'exponential', delay: 10, maxDelay: 300, jitter: 0 } as const;

  it('returns the task at once the first time, and later by its backoff, spared or not', () => {
    let task: Task = queuedTask({ spec: spec({ backoff, maxInterruptions: 9 }) });
    let now = 0;
    const waits: number[] = [];
    for (const isSpared of [false, false, true, true]) {
      const held = claim(task as QueuedTask, grant({ lease: 30 }), at(now)).task;
      now += 30_000;
      const lost = tick(held, at(now), { isSpared });
      if (lost === undefined) throw new Error('The lease is not over');
      expect([lost.type, lost.ended?.isSpared]).toEqual(['lost', isSpared ? true : undefined]);
      waits.push(lost.task.state === 'delayed' ? lost.task.runAt - now : 0);
      now += 600_000;
      task = lost.task.state === 'delayed' ? (tick(lost.task, at(now))?.task ?? lost.task) : lost.task;
    }
    expect(waits).toEqual([0, 10_000, 20_000, 40_000]);
    expect([task.interruptions, task.spared]).toEqual([2, 2]);
  });
});
