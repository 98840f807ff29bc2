import { RedisCommands } from '../support/redis-commands.js';
import { RedisServer } from '../support/redis-server.js';
import { openRedis } from '../support/redis-store.js';
import { ServiceProcess } from '../support/service-process.js';
import { settingsAt } from '../support/store-surroundings.js';
import { until } from '../support/until.js';

const POLLS = 20;
/** A replica asks Redis for the time once a second, whatever else it does. */
const BEAT = 'time';
const BEATS = 2;
/** How a replica watches over its connections, four times a second. */
const HEARTBEAT = new Set(['role', 'ping', BEAT]);

type Poll = Promise<{ readonly eval_id: string } | null>;

describe('two processes at one Redis', () => {
  let redis: RedisServer;
  let commands: RedisCommands;
  let services: readonly ServiceProcess[];

  beforeAll(async () => {
    redis = await RedisServer.start();
    const settings = settingsAt(redis);
    services = await Promise.all([ServiceProcess.start(settings), ServiceProcess.start(settings)]);
    commands = await RedisCommands.watch(redis.port);
  });

  afterAll(async () => {
    commands.close();
    await Promise.all(services.map((service) => service.stop()));
    await redis.stop();
  });

  function urlOf(index: number): string {
    const service = services[index % services.length];
    if (service === undefined) throw new Error('There are two of them');
    return service.url;
  }

  /** Leases that the store was asked for, for these workers. */
  function attempts(worker: RegExp): number {
    return commands.all.flatMap(({ args }) => [...args.matchAll(worker)]).length;
  }

  const ofParked = /workerId\W+parked-\d+/g;

  function poll(index: number): Poll {
    const query = `wait=60&worker_id=parked-${index}`;
    return fetch(`${urlOf(index)}/tasks/next?${query}`).then(
      async (answer) => (await answer.json()) as Awaited<Poll>,
    );
  }

  async function enqueue(index: number, id: string): Promise<void> {
    const body = JSON.stringify({ eval_id: id, code: 'x' });
    const headers = { 'Content-Type': 'application/json' };
    await fetch(`${urlOf(index)}/tasks`, { method: 'POST', headers, body });
  }

  /** Lets every replica live on for a while, and answers how often one asks between two beats what it asks most. */
  async function busiest(): Promise<number> {
    commands.forget();
    const beatsOf = () => commands.all.filter(({ name }) => name === BEAT);
    await until(() => {
      const sources = beatsOf().map(({ source }) => source);
      const counts = [...new Set(sources)].map((each) => sources.filter((source) => source === each).length);
      return counts.length === services.length && counts.every((count) => count >= BEATS);
    });
    const times = new Map<string, number>();
    for (const { name, args } of commands.all) {
      const kind = `${name} ${args.split(' ', 1).join()}`;
      if (!HEARTBEAT.has(name)) times.set(kind, (times.get(kind) ?? 0) + 1);
    }
    return Math.max(...times.values()) / beatsOf().length;
  }

  it('ask nothing for parked polls, and one of each process asks when there is a task', async () => {
    // The first task makes the queue known to everybody, and is gone.
    await enqueue(0, 'first');
    await fetch(`${urlOf(1)}/tasks/next`);

    const polls = Array.from({ length: POLLS }, (_, index) => poll(index));
    await until(() => attempts(ofParked) === POLLS);
    const parked = await busiest();
    expect(attempts(ofParked)).toBe(0);
    // Were each poll to ask anything once a second, this would be as much as there are polls on a replica.
    expect(parked).toBeLessThan(POLLS / services.length / 2);

    const answered = new Set<string>();
    for (const each of polls) void each.then((task) => answered.add(task?.eval_id ?? 'nothing'));
    commands.forget();
    // On the one, for the other, too: the tasks are enqueued at one of them, and the polls of both are answered.
    for (let task = 0; task < POLLS; task += 1) {
      await enqueue(0, `task-${task}`);
      await until(() => answered.size === task + 1);
    }
    expect(await Promise.all(polls.map(async (each) => (await each)?.eval_id))).toEqual(
      expect.arrayContaining(Array.from({ length: POLLS }, (_, task) => `task-${task}`)),
    );
    expect(attempts(ofParked)).toBeLessThanOrEqual(services.length * POLLS);
  });

  it('go on with a clear when the one that has made it is killed', async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `t${index}`);
    const send = (index: number, method: string, path: string, body?: object) =>
      fetch(`${urlOf(index)}${path}`, {
        method,
        ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
      });
    const tasks = ids.map((id) => ({ eval_id: id, code: 'x', queue: 'cleared' }));
    await send(0, 'POST', '/tasks/batch', { tasks });
    const claimed = await send(1, 'POST', '/tasks/claim', { worker_id: 'w', queues: ['cleared'] });
    const { tasks: held } = (await claimed.json()) as { tasks: { eval_id: string; lease_id: string }[] };
    const parked = send(1, 'GET', '/tasks/t999?wait=60');
    const answer = await send(0, 'DELETE', '/tasks?queue=cleared');
    services[0]?.signal('SIGKILL');
    expect(await answer.json()).toEqual({ status: 'cleared', tasks_removed: ids.length });

    expect((await parked).status).toBe(404);
    const { eval_id: id = '', lease_id = '' } = held[0] ?? {};
    const late = await send(1, 'POST', `/tasks/${id}/complete`, { lease_id });
    expect(late.status).toBe(409);
    expect(await late.json()).toMatchObject({ code: 'lease_lost', reason: 'cleared' });
    expect((await send(1, 'GET', '/tasks/t5')).status).toBe(404);
    expect((await send(1, 'POST', '/tasks', { eval_id: 't5', code: 'y', queue: 'cleared' })).status).toBe(
      201,
    );

    const client = await openRedis(redis.url);
    // As if the time were over for which only the process that was killed may go on.
    await client.del('cq:{cleared}:reclaimer');
    await until(async () => (await client.keys('cq:{cleared}:task:*')).length === 1);
    client.disconnect();
    expect(await (await send(1, 'GET', '/tasks/next?queue=cleared')).json()).toMatchObject({ eval_id: 't5' });
  });
});
