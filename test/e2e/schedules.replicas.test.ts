import { RedisServer } from '../support/redis-server.js';
import { ServiceProcess } from '../support/service-process.js';
import { settingsAt } from '../support/store-surroundings.js';
import { until } from '../support/until.js';

const SCHEDULE = { schedule_id: 'tick', cron: '* * * * * *', catch_up: 'all', task: { code: 'x' } };

interface Listed {
  readonly eval_id: string;
  readonly attempt: number;
}

async function tasksAt(service: ServiceProcess): Promise<Listed[]> {
  const response = await fetch(`${service.url}/tasks?limit=1000`);
  return ((await response.json()) as { tasks: Listed[] }).tasks.toReversed();
}

describe('a schedule for every second, on two processes at one Redis', () => {
  let redis: RedisServer;
  const services: ServiceProcess[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
  });

  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await redis.stop();
  });

  async function start(): Promise<ServiceProcess> {
    const service = await ServiceProcess.start(settingsAt(redis));
    services.push(service);
    return service;
  }

  it('gives one task a second, none twice and none left out, while processes come and go', async () => {
    const first = await start();
    const headers = { 'Content-Type': 'application/json' };
    const body = JSON.stringify(SCHEDULE);
    await fetch(`${first.url}/schedules`, { method: 'POST', headers, body });
    await until(async () => (await tasksAt(first)).length >= 2);
    const second = await start();
    await until(async () => (await tasksAt(second)).length >= 5);
    // In the middle of its work, and for a while nobody is there.
    first.signal('SIGKILL');
    await first.exited;
    await second.stop();
    const third = await start();
    const before = (await tasksAt(third)).length;
    await until(async () => (await tasksAt(third)).length >= before + 2);
    const tasks = await tasksAt(third);
    const times = tasks.map(({ eval_id: id }) => Date.parse(id.slice('tick:'.length)) / 1000);
    const [earliest = 0] = times;
    expect(times.length).toBeGreaterThanOrEqual(7);
    expect(times).toEqual(times.map((_, index) => earliest + index));
    await fetch(`${third.url}/schedules/tick`, { method: 'DELETE' });
  });
});
