import { setImmediate as nextTurn } from 'node:timers/promises';
import { RedisPublisher, type RedisPublisherOptions } from '../../../src/events/redis-publisher.js';
import { toTaskEvent } from '../../../src/task/task-event.js';
import type { CommittedTransition } from '../../../src/storage/transitions.js';
import { claim, complete, create, fail } from '../../../src/task/task.machine.js';
import { RedisServer } from '../../support/redis-server.js';
import {
  at,
  failedTask,
  grant,
  lastAttempt,
  processingTask,
  queuedTask,
  spec,
} from '../../support/task.builders.js';
import { asJson, committed, enqueued, RecordingLogger, Subscriber } from './events.support.js';
import { freePort } from '../../support/free-port.js';

const opened: { close: () => unknown }[] = [];
const servers: RedisServer[] = [];
const unhandled: unknown[] = [];
const noteUnhandled = (reason: unknown): void => {
  unhandled.push(reason);
};

beforeAll(() => {
  process.on('unhandledRejection', noteUnhandled);
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  expect(unhandled).toEqual([]);
});

afterAll(() => {
  process.removeListener('unhandledRejection', noteUnhandled);
});

async function startRedis(options = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  servers.push(server);
  return server;
}

async function subscribe(url: string, pattern?: string): Promise<Subscriber> {
  const subscriber = await Subscriber.listen(url, pattern);
  opened.push(subscriber);
  return subscriber;
}

/** Short enough to wait for, long enough for a Redis on a busy machine. */
const SHORT_PATIENCE_MS = 5_000;

const CONNECTION = { name: 'test', timeoutMs: 20_000, reconnectDelay: () => 10 };

/** A publisher that is quick to try again, and patient unless the test says otherwise. */
function open(url: string, options: Partial<RedisPublisherOptions> = {}) {
  const logger = new RecordingLogger();
  const events = new RedisPublisher({
    url,
    channelPrefix: 'task',
    bufferSize: 10_000,
    connection: CONNECTION,
    flushLimitMs: 20_000,
    logger,
    ...options,
  });
  opened.push(events);
  return { events, logger };
}

async function openConnected(url: string, options: Partial<RedisPublisherOptions> = {}) {
  const publisher = open(url, options);
  await publisher.logger.until(1);
  expect(publisher.events.status).toBe('connected');
  return publisher;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** A transition that notes when it is looked at. */
function watched(id: number, onLook: () => void): CommittedTransition {
  const transition = committed({ id });
  return {
    ...transition,
    get task() {
      onLook();
      return transition.task;
    },
  };
}

describe('RedisPublisher with a Redis', () => {
  it('publishes to the channel of the type what toTaskEvent says', async () => {
    const redis = await startRedis();
    const subscriber = await subscribe(redis.url, 'prod.task:*');
    const { events } = await openConnected(redis.url, { channelPrefix: 'prod.task' });
    const created = create(spec(), at(0));
    const claimed = claim(queuedTask(), grant(), at(1_000));
    const completed = complete(claimed.task, { leaseId: 'lease-1' }, at(2_000));
    const failed = fail(processingTask(), { error: 'Ünïcödé 😀 "\n', random: 0 }, at(2_000));
    const transitions = [created, claimed, completed, failed].flatMap((transition, index) =>
      transition ? [{ ...transition, id: index + 1 }] : [],
    );

    events.publish(transitions);
    await subscriber.untilId(4);

    expect(subscriber.events).toEqual(
      transitions.map((transition) => asJson(toTaskEvent(transition, transition.id))),
    );
    expect(subscriber.channels).toEqual([
      'prod.task:queued',
      'prod.task:processing',
      'prod.task:completed',
      'prod.task:failed',
    ]);
  });

  it('keeps the order of the commits, whatever the batches', async () => {
    const redis = await startRedis();
    const subscriber = await subscribe(redis.url);
    const { events } = await openConnected(redis.url);
    const all = enqueued(5_000);

    for (let start = 0, size = 1; start < all.length; start += size, size = (size * 7) % 311) {
      events.publish(all.slice(start, start + size));
      if (start % 3 === 0) await nextTurn();
    }
    await subscriber.untilId(5_000);
    await events.close();

    expect(subscriber.ids).toEqual(range(1, 5_000));
    expect(events.counters).toEqual({ published: 5_000, lost: 0 });
  });

  it('loses the oldest, and counts them, when more is published than the buffer holds', async () => {
    const redis = await startRedis();
    const subscriber = await subscribe(redis.url);
    const { events } = await openConnected(redis.url, { bufferSize: 100 });

    events.publish(enqueued(250));
    expect(events.counters).toEqual({ published: 0, lost: 150 });
    await subscriber.untilId(250);
    await events.close();

    expect(subscriber.ids).toEqual(range(151, 250));
    expect(events.counters).toEqual({ published: 100, lost: 150 });
  });

  it('makes the text of an event only when it is sent', async () => {
    const redis = await startRedis();
    const { events } = await openConnected(redis.url);
    let looks = 0;

    events.publish([watched(1, () => (looks += 1))]);
    expect(looks).toBe(0);
    await events.close();

    expect(looks).toBeGreaterThan(0);
    expect(events.counters).toEqual({ published: 1, lost: 0 });
  });

  it('sends what waits before it closes, and nothing after', async () => {
    const redis = await startRedis();
    const subscriber = await subscribe(redis.url);
    const { events } = await openConnected(redis.url);

    events.publish(enqueued(1_000));
    await events.close();
    events.publish(enqueued(5, 1_001));
    await events.close();
    await subscriber.untilId(1_000);

    expect(events.status).toBe('disconnected');
    expect(events.counters).toEqual({ published: 1_000, lost: 5 });
  });

  it('keeps what is published before the first connection is there', async () => {
    const redis = await startRedis();
    const subscriber = await subscribe(redis.url);
    const { events } = open(redis.url);

    expect(events.status).toBe('disconnected');
    events.publish(enqueued(3));
    await subscriber.untilId(3);

    expect(subscriber.ids).toEqual([1, 2, 3]);
  });
});

describe('RedisPublisher without a Redis', () => {
  it('makes no connection for an empty URL and counts every event as lost', async () => {
    const before = process.getActiveResourcesInfo().length;
    const { events, logger } = open('');
    events.publish(enqueued(3));
    await nextTurn();

    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before);
    expect(events.status).toBe('disconnected');
    expect(events.counters).toEqual({ published: 0, lost: 3 });
    expect(logger.lines).toEqual(['Events are off: REDIS_URL is empty']);
  });

  it('says once that nobody is there, and once that somebody came', async () => {
    const port = await freePort();
    let attempts = 0;
    let isFifth: () => void = () => undefined;
    const fifthAttempt = new Promise<void>((resolve) => (isFifth = resolve));
    const { events, logger } = open(`redis://127.0.0.1:${port}`, {
      connection: {
        ...CONNECTION,
        reconnectDelay: () => {
          attempts += 1;
          if (attempts === 5) isFifth();
          return 10;
        },
      },
    });

    await fifthAttempt;
    events.publish(enqueued(10));
    expect(events.counters).toEqual({ published: 0, lost: 10 });

    const redis = await startRedis({ port });
    await logger.until(2);
    const subscriber = await subscribe(redis.url);
    events.publish(enqueued(10, 11));
    await subscriber.untilId(20);

    expect(subscriber.ids).toEqual(range(11, 20));
    expect(logger.lines).toEqual([
      `Redis 127.0.0.1:${port} is unavailable (ECONNREFUSED); events are lost until it recovers`,
      `Connected to Redis 127.0.0.1:${port}; publishing events`,
    ]);
  });

  it('gives no warning about a Redis that is only the default', async () => {
    const port = await freePort();
    const warnings: string[] = [];
    const lines: string[] = [];
    const told = new Promise<void>((resolve) => {
      const note = (line: string) => {
        lines.push(line);
        resolve();
      };
      const logger = { log: note, warn: (line: string) => warnings.push(line) };
      open(`redis://127.0.0.1:${port}`, { isDefault: true, logger });
    });
    await told;
    expect(lines).toEqual([
      `No Redis for events at 127.0.0.1:${port} (the default of REDIS_URL). Set REDIS_URL to use one, or to an empty value to turn events off`,
    ]);
    expect(warnings).toEqual([]);
  });

  it('is as quiet about a name that does not resolve', async () => {
    const { events, logger } = open('redis://user:hidden@redis.invalid:6379');
    events.publish(enqueued(2));
    await logger.until(1);
    await events.close();

    expect(events.counters).toEqual({ published: 0, lost: 2 });
    expect(logger.lines).toEqual([
      expect.stringMatching(
        /^Redis redis\.invalid:6379 is unavailable \((ENOTFOUND|EAI_AGAIN)\); events are lost/,
      ),
    ]);
  });

  it('looks at nothing and keeps nothing during an outage', async () => {
    const { events, logger } = open(`redis://127.0.0.1:${await freePort()}`);
    await logger.until(1);
    let looks = 0;
    const transition = watched(1, () => (looks += 1));

    for (let i = 0; i < 10_000; i += 1) events.publish([transition]);

    expect(events.counters).toEqual({ published: 0, lost: 10_000 });
    expect(looks).toBe(0);
  });

  it.each(['redis://127.0.0.1:1', 'redis://redis.invalid'])(
    'closes before it has tried to connect to %s',
    async (url) => {
      const { events, logger } = open(url);
      await events.close();
      expect(logger.lines).toEqual([]);
    },
  );

  it('closes while it waits for the next attempt', async () => {
    const { events, logger } = open(`redis://127.0.0.1:${await freePort()}`, {
      connection: { ...CONNECTION, reconnectDelay: () => 3_600_000 },
    });
    await logger.until(1);
    await nextTurn();
    await events.close();
    expect(events.status).toBe('disconnected');
  });
});

describe('RedisPublisher when Redis goes away', () => {
  it('goes on with a Redis that was killed and came back on the same port', async () => {
    const redis = await startRedis();
    const before = await subscribe(redis.url);
    const { events, logger } = await openConnected(redis.url);
    events.publish(enqueued(100));
    await before.untilId(100);

    await redis.kill();
    events.publish(enqueued(100, 101));
    await logger.until(2);
    expect(events.status).toBe('disconnected');
    await redis.restart();
    await logger.until(3);
    const after = await subscribe(redis.url);
    events.publish(enqueued(100, 201));
    await after.untilId(300);
    await events.close();

    expect(before.ids).toEqual(range(1, 100));
    expect(after.ids).toEqual(range(201, 300));
    expect(events.counters).toEqual({ published: 200, lost: 100 });
    expect(logger.lines).toEqual([
      expect.stringContaining('Connected to'),
      expect.stringContaining('is unavailable'),
      expect.stringContaining('Connected to'),
    ]);
  });

  it('accounts for every event while Redis is killed under load', async () => {
    const redis = await startRedis();
    const subscriber = await subscribe(redis.url);
    const { events, logger } = await openConnected(redis.url);
    let given = 0;
    const pour = async (): Promise<void> => {
      while (events.status === 'connected') {
        // A full buffer would lose the oldest, which is another test's business.
        if (events.waiting < 1_000) {
          events.publish(enqueued(50, given + 1));
          given += 50;
        }
        await nextTurn();
      }
    };

    const poured = pour();
    await subscriber.untilId(500);
    await redis.kill();
    await poured;
    await logger.until(2);
    await events.close();

    const { published, lost } = events.counters;
    expect(published + lost).toBe(given);
    expect(subscriber.ids).toEqual(range(1, subscriber.ids.length));
  });

  it('loses nothing to a stall that is shorter than its patience', async () => {
    const redis = await startRedis();
    const subscriber = await subscribe(redis.url);
    const { events, logger } = await openConnected(redis.url);

    await redis.pause();
    events.publish(enqueued(500));
    await nextTurn();
    events.publish(enqueued(500, 501));
    redis.resume();
    await subscriber.untilId(1_000);
    await events.close();

    expect(subscriber.ids).toEqual(range(1, 1_000));
    expect(events.counters).toEqual({ published: 1_000, lost: 0 });
    expect(logger.lines).toHaveLength(1);
  });

  it('publishes nothing twice and nothing out of order around a long stall', async () => {
    const redis = await startRedis();
    const subscriber = await subscribe(redis.url);
    const { events, logger } = await openConnected(redis.url, {
      connection: { ...CONNECTION, timeoutMs: SHORT_PATIENCE_MS },
    });
    const longError = failedTask({ last: lastAttempt({ error: '漢'.repeat(1_000) }) });
    const long = (id: number): CommittedTransition => committed({ id, type: 'failed', task: longError });

    events.publish(range(1, 50).map(long));
    await subscriber.untilId(50);
    await redis.pause();
    events.publish(range(51, 100).map(long));
    await logger.until(2);
    events.publish(range(101, 150).map(long));
    redis.resume();
    await logger.until(3);
    events.publish(range(151, 200).map(long));
    await subscriber.untilId(200);
    await events.close();

    const { ids } = subscriber;
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(ids).toEqual(expect.arrayContaining([...range(1, 50), ...range(151, 200)]));
    expect(events.counters).toEqual({ published: 100, lost: 100 });
    expect(logger.lines[1]).toContain('is unavailable (no reply)');
    expect(logger.lines).toHaveLength(3);
  });

  it('never makes the caller wait for a Redis that stands still', async () => {
    const redis = await startRedis();
    const { events } = await openConnected(redis.url, { bufferSize: 1_000, flushLimitMs: 100 });
    await redis.pause();

    const answers = enqueued(5_000).map((transition) => events.publish([transition]) as unknown);

    // All in one turn of the event loop: nothing can have been awaited.
    expect(new Set(answers)).toEqual(new Set([undefined]));
    expect(events.counters).toEqual({ published: 0, lost: 4_000 });
  });

  it('closes within its limit while Redis stands still', async () => {
    const redis = await startRedis();
    const { events } = await openConnected(redis.url, { flushLimitMs: 100 });
    await redis.pause();
    events.publish(enqueued(1_000));

    await events.close();

    expect(events.counters).toEqual({ published: 0, lost: 1_000 });
  });
});

describe('RedisPublisher and the rights it has', () => {
  const PASSWORD = 'correct-horse';

  function withUser(rules: string): { args: string[] } {
    return {
      args: ['--requirepass', 'for-the-admin', '--user', 'events', 'on', `>${PASSWORD}`, ...rules.split(' ')],
    };
  }

  function urlFor(redis: RedisServer, password: string): string {
    return redis.url.replace('//', `//events:${password}@`);
  }

  it('needs no more than PUBLISH on its channels', async () => {
    const redis = await startRedis(withUser('resetchannels &task:* -@all +publish'));
    const subscriber = await subscribe(redis.url.replace('//', '//:for-the-admin@'));
    const { events, logger } = await openConnected(urlFor(redis, PASSWORD));

    events.publish(enqueued(200));
    await subscriber.untilId(200);
    await events.close();

    expect(subscriber.ids).toEqual(range(1, 200));
    expect(events.counters).toEqual({ published: 200, lost: 0 });
    expect(logger.lines).toHaveLength(1);
  });

  it.each(['resetchannels &other:* +@all', 'resetchannels &other:* -@all +publish', 'allchannels -@all'])(
    'counts what Redis refuses, says so once, and shows neither event nor password (%s)',
    async (rules) => {
      const redis = await startRedis(withUser(rules));
      const { events, logger } = await openConnected(urlFor(redis, PASSWORD));

      events.publish(enqueued(100));
      await logger.until(2);
      events.publish(enqueued(100, 101));
      await events.close();

      expect(events.counters).toEqual({ published: 0, lost: 200 });
      expect(logger.lines).toHaveLength(2);
      expect(logger.lines[1]).toBe(`Redis 127.0.0.1:${redis.port} rejected events (NOPERM); they are lost`);
    },
  );

  it('takes a wrong password for an absent Redis and does not show it', async () => {
    const redis = await startRedis(withUser('allchannels +@all'));
    const { events, logger } = open(urlFor(redis, 'guessed-wrong'));
    await logger.until(1);
    events.publish(enqueued(2));

    expect(events.counters).toEqual({ published: 0, lost: 2 });
    expect(logger.lines).toEqual([
      `Redis 127.0.0.1:${redis.port} is unavailable (WRONGPASS); events are lost until it recovers`,
    ]);
  });
});
