import { jest } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClockMonitor } from '../../../src/queue/clock-monitor.js';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import type { TaskStore } from '../../../src/storage/task-store.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { StoreUser } from '../../support/store-user.js';
import { FakeClock } from '../../support/task.builders.js';
import { useRedis } from '../storage/redis/redis.site.js';

const HOUR = 3_600_000;
const redis = useRedis();
let clock: FakeClock;
let directory: string;
let store: TaskStore;

beforeEach(async () => {
  clock = new FakeClock();
  directory = await mkdtemp(join(tmpdir(), 'crucible-clock-'));
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

function userOf(opened: TaskStore): StoreUser {
  store = opened;
  const never = () => Promise.reject(new Error('This store is not opened again'));
  return new StoreUser({ store, clock, reopen: never, crash: never, destroy: never });
}

function openEmbedded(): Promise<TaskStore> {
  return EmbeddedTaskStore.open({ directory, clock, settings: ROOMY });
}

describe.each([
  ['embedded', openEmbedded],
  [
    'redis',
    () => {
      clock = redis.clock;
      return redis.open();
    },
  ],
  ['reference', () => Promise.resolve(new ReferenceStore(clock, ROOMY))],
])('a clock that was ahead and is set back, on the %s store', (_, open) => {
  it('has delays, backoffs and times to start begin anew, while the service runs', async () => {
    const user = userOf(await open());
    const watch = new ClockMonitor(user.store);
    await user.add({ id: 'before', ttl: 900 });
    await watch.look();
    clock.advance(9 * HOUR);
    await watch.look();
    await user.add({ id: 'delayed', delay: 5 }, { id: 'named', runAt: user.now.wall + 5_000 });
    await user.add({ id: 'short', ttl: 60 });
    await watch.look();
    clock.advance(-9 * HOUR);
    expect(await user.dueIds()).toEqual([]);
    await watch.look();
    clock.advance(5_000);
    expect(await user.dueIds()).toEqual(['delayed']);
    clock.advance(55_000);
    expect((await user.dueIds()).toSorted()).toEqual(['delayed', 'short']);
    expect(await user.find('before')).toMatchObject({ revision: 1 });
  });
});

it('was ahead while another process was up: the next one knows it by what was noted', async () => {
  clock.advance(24 * HOUR);
  let user = userOf(await openEmbedded());
  await new ClockMonitor(store).look();
  await user.add({ id: 'delayed', delay: 5 });
  await store.close();
  clock.advance(-24 * HOUR);
  user = userOf(await openEmbedded());
  await new ClockMonitor(store).look();
  clock.advance(5_000);
  expect(await user.dueIds()).toEqual(['delayed']);
});

it('looks at no task while the clock goes on', async () => {
  const user = userOf(new ReferenceStore(clock, ROOMY));
  const watch = new ClockMonitor(store);
  await watch.look();
  const list = jest.spyOn(store.views, 'list');
  for (let minute = 0; minute < 5; minute += 1) {
    clock.advance(60_000);
    await watch.look();
  }
  clock.advance(-900);
  await watch.look();
  expect(list).not.toHaveBeenCalled();
  expect(await user.store.documents.version('clock')).toBeLessThanOrEqual(6);
});
