import type { EventFollower, PublishedEvent } from '../../../../src/storage/event-log.js';
import { RedisCommands } from '../../../support/redis-commands.js';
import type { StoreUser } from '../../../support/store-user.js';
import { until } from '../../../support/until.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const LAST = Number.MAX_SAFE_INTEGER - 1;

class Follower implements EventFollower {
  readonly events: PublishedEvent[] = [];
  onStart(): void {
    return;
  }
  onEvents(events: readonly PublishedEvent[]): void {
    this.events.push(...events);
  }
}

async function fill(user: StoreUser, queues: number, tasks: number): Promise<void> {
  for (let at = 0; at < tasks; at += 1) {
    await user.add(
      ...Array.from({ length: queues }, (_, queue) => ({ id: `q${queue}-${at}`, queue: `q${queue}` })),
    );
  }
}

async function pagesOf(user: StoreUser, limit: number): Promise<readonly PublishedEvent[]> {
  const events: PublishedEvent[] = [];
  const log = user.store.eventLog;
  for (let after = 0; after < LAST;) {
    const page = await log?.past({ after, until: LAST, limit });
    if (page === undefined) throw new Error('The past is not whole');
    events.push(...page.events);
    after = page.position;
  }
  return events;
}

describe('a page of the past', () => {
  it.each([1, 7, 40, 1_000])('has every event once, in order, whatever its size: %d', async (limit) => {
    const user = await site.user();
    await fill(user, 5, 6);
    await user.add(...Array.from({ length: 30 }, (_, at) => ({ id: `busy-${at}`, queue: 'busy' })));
    const events = await pagesOf(user, limit);
    expect(new Set(events.map(({ evalId }) => evalId)).size).toBe(60);
    expect(events).toHaveLength(60);
    const ids = events.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((one, other) => one - other));
  });

  it('reads a few events of each queue', async () => {
    const user = await site.user();
    await fill(user, 20, 30);
    const commands = await RedisCommands.watch(site.server.port);
    await user.store.eventLog?.past({ after: 0, until: LAST, limit: 50 });
    const counts = commands.all.filter(({ name }) => name === 'xread').map(({ args }) => args);
    commands.close();
    expect(counts).toHaveLength(1);
    expect(counts[0]).toMatch(/"?8"?/);
  });

  it('asks of no queue that has nothing to tell whether something was dropped', async () => {
    const user = await site.user();
    await user.add(...Array.from({ length: 60 }, (_, index) => ({ id: `t${index}`, queue: `q${index}` })));
    const after = (await pagesOf(user, 1_000)).at(-1)?.id ?? 0;
    await user.add({ id: 'one', queue: 'q7' }, { id: 'two', queue: 'q9' });
    const commands = await RedisCommands.watch(site.server.port);
    const page = await user.store.eventLog?.past({ after, until: LAST, limit: 50 });
    const asked = commands.all.filter(({ name }) => name === 'xinfo');
    commands.close();
    expect(page?.events.map(({ evalId }) => evalId).toSorted()).toEqual(['one', 'two']);
    expect(asked).toHaveLength(2);
  });
});

describe('an event that another process has told already', () => {
  it('is reached here as soon as this one has told it too', async () => {
    const [user, other] = [await site.user(), await site.user()];
    const [here, there] = [new Follower(), new Follower()];
    await user.store.eventLog?.follow(here);
    await other.store.eventLog?.follow(there);
    await other.add({ id: 'a' });
    await until(() => there.events.length === 1);
    const id = there.events[0]?.id ?? 0;
    expect(await user.store.eventLog?.reaches(id)).toBe(true);
    expect(here.events.map((event) => event.id)).toEqual([id]);
    expect(await user.store.eventLog?.reaches(id - 1)).toBe(true);
  });

  it('is none whose id no clock has given out', async () => {
    const user = await site.user();
    await user.store.eventLog?.follow(new Follower());
    expect(await user.store.eventLog?.reaches(9_999_999_999_999_999)).toBe(false);
  });

  it('is not waited for by a process that does not follow', async () => {
    const user = await site.user();
    expect(await user.store.eventLog?.reaches(1)).toBe(false);
  });
});
