import { LeaseLost } from '../../../src/task/task.errors.js';
import { claim, complete, fail, heartbeat, release, tick } from '../../../src/task/task.machine.js';
import {
  at,
  FakeClock,
  grant,
  lastAttempt,
  moment,
  processingTask,
  queuedTask,
} from '../../support/task.builders.js';

const HOLDER = { leaseId: 'lease-1' };

describe('claim', () => {
  it('hands the task to one worker', () => {
    const task = queuedTask({ queuedAt: 500, startBy: 90_000, attempt: 2, failures: 1, interruptions: 1 });
    const transition = claim(task, grant({ claimId: 'claim-1' }), at(1_000));
    expect(transition).toEqual({
      type: 'processing',
      at: 1_000,
      task: {
        ...task,
        state: 'processing',
        revision: 2,
        sequence: 2,
        attempt: 3,
        startedAt: 1_000,
        lease: {
          id: 'lease-1',
          workerId: 'worker-1',
          claimId: 'claim-1',
          startedAt: 1_000,
          length: 60,
          expiresAt: 61_000,
        },
      },
    });
  });

  it('lasts as long as the worker asked for, else the timeout and the grace', () => {
    const asked = claim(queuedTask(), grant({ lease: 12.5 }), at(1_000)).task.lease;
    expect(asked).toMatchObject({ length: 12.5, expiresAt: 13_500 });
    const usual = claim(queuedTask({ spec: { timeout: 100 } }), grant({ grace: 7 }), at(1_000)).task.lease;
    expect(usual).toMatchObject({ length: 107, expiresAt: 108_000 });
  });

  it('measures the lease on the steady scale and dates it by the calendar', () => {
    const { task, at: time } = claim(queuedTask(), grant(), moment(500_000, 1_000));
    expect(time).toBe(500_000);
    expect(task).toMatchObject({ startedAt: 500_000, lease: { startedAt: 500_000, expiresAt: 61_000 } });
  });

  it('keeps what the attempt before left, and counts on', () => {
    const last = lastAttempt({ leaseId: 'lease-0' });
    const { task } = claim(queuedTask({ attempt: 1, startedAt: 1, last }), grant(), at(1_000));
    expect(task).toMatchObject({ attempt: 2, startedAt: 1_000, last });
  });
});

describe('heartbeat', () => {
  it('moves the end of the lease and is no transition', () => {
    const task = processingTask();
    expect(heartbeat(task, HOLDER, at(20_000))).toEqual({
      ...task,
      revision: task.revision + 1,
      lease: { ...task.lease, expiresAt: 80_000, beatAt: 20_000 },
    });
  });

  it.each([
    ['by its length', {}, 80_000],
    ['by what the worker asks for', { extend: 300 }, 320_000],
    ['never backwards, for a short extension', { extend: 1 }, 61_000],
    ['never backwards, for none at all', { extend: 0 }, 61_000],
    ['not at all, for one that ends at the same time', { extend: 41 }, 61_000],
    ['by a millisecond', { extend: 41.001 }, 61_001],
  ])('extends %s', (_, beat, expiresAt) => {
    expect(heartbeat(processingTask(), { ...HOLDER, ...beat }, at(20_000)).lease.expiresAt).toBe(expiresAt);
  });

  it('does not change by how much the next one extends', () => {
    const first = heartbeat(processingTask(), { ...HOLDER, extend: 300 }, at(20_000));
    expect(heartbeat(first, HOLDER, at(300_000)).lease).toMatchObject({ length: 60, expiresAt: 360_000 });
  });

  it('keeps the progress until there is newer one', () => {
    const half = { percent: 50, message: 'half' };
    const first = heartbeat(processingTask(), { ...HOLDER, progress: half }, at(2_000));
    const second = heartbeat(first, HOLDER, at(3_000));
    const third = heartbeat(second, { ...HOLDER, progress: { percent: 60 } }, at(4_000));
    expect([first, second, third].map((task) => task.lease.progress)).toEqual([half, half, { percent: 60 }]);
  });
});

describe('the end of a lease', () => {
  const COMMANDS = {
    heartbeat: (steady: number) => heartbeat(processingTask(), HOLDER, at(steady)),
    complete: (steady: number) => complete(processingTask(), HOLDER, at(steady)),
    fail: (steady: number) => fail(processingTask(), { ...HOLDER, random: 0 }, at(steady)),
    release: (steady: number) => release(processingTask(), HOLDER, at(steady)),
  };

  it.each(Object.entries(COMMANDS))('%s works up to it and not at it', (_, act) => {
    expect(act(60_999)).toBeDefined();
    expect(() => act(61_000)).toThrow(LeaseLost);
    expect(() => act(61_000)).toThrow(expect.objectContaining({ reason: 'expired' }));
  });

  it('does not stop a worker that knows no leases, as long as nobody else has the task', () => {
    expect(complete(processingTask(), {}, at(90_000))).toMatchObject({ type: 'completed' });
    expect(fail(processingTask(), { random: 0 }, at(90_000))).toMatchObject({ type: 'failed' });
  });

  it('is what time does, from that very millisecond on', () => {
    expect(tick(processingTask(), at(60_999))).toBeUndefined();
    expect(tick(processingTask(), at(61_000))).toMatchObject({ type: 'lost', task: { state: 'queued' } });
  });
});

describe('a wall clock that is set', () => {
  it.each([
    ['forwards', Date.UTC(2036, 0, 1)],
    ['back', Date.UTC(1996, 0, 1)],
  ])('%s, neither ends a lease nor prolongs it', (_, wall) => {
    const clock = new FakeClock();
    const held = claim(queuedTask(), grant(), clock.now()).task;
    clock.setWall(wall);
    clock.advanceSeconds(59.999);
    expect(tick(held, clock.now())).toBeUndefined();
    expect(complete(held, HOLDER, clock.now())).toMatchObject({ task: { finishedAt: wall + 59_999 } });

    clock.advance(1);
    expect(() => complete(held, HOLDER, clock.now())).toThrow(LeaseLost);
    expect(tick(held, clock.now())).toMatchObject({ type: 'lost', at: wall + 60_000 });
  });

  it('does not change by how much a heartbeat extends', () => {
    const clock = new FakeClock(1_000);
    const held = claim(queuedTask(), grant(), clock.now()).task;
    clock.setWall(9_000_000);
    expect(heartbeat(held, HOLDER, clock.now()).lease.expiresAt).toBe(61_000);
  });
});
