import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from './bench.context.js';
import { median } from './contest.js';
import { startRedis } from './redis.section.js';
import { PROGRAMS, ServerProcess } from './server.process.js';

const SECTION = 'wake';
const ROUNDS = 500;
const WARM_UP_ROUNDS = 100;
/** A poll needs this to arrive and be parked. */
const PARKING_MS = 15;
const WANTED_MS = 50;

/** From when a task is sent to one process until a poll that is parked on another is answered with it. */
export async function wakeSection(context: BenchContext): Promise<void> {
  const redis = await startRedis(context, 'everysec');
  const env = { QUEUE_STORE: 'redis', REDIS_URL: redis.url };
  const servers = [
    await ServerProcess.start({ program: PROGRAMS.service, env }),
    await ServerProcess.start({ program: PROGRAMS.service, env }),
  ] as const;
  const [here, there] = servers.map(({ port }) => `http://127.0.0.1:${port}/tasks`) as [string, string];
  const ways = new Map<string, Way>([
    ['on the same process', { poll: here, enqueue: here }],
    ['on the other process', { poll: there, enqueue: here }],
  ]);
  const took = new Map([...ways.keys()].map((name): [string, number[]] => [name, []]));
  for (let round = -WARM_UP_ROUNDS; round < context.scaled(ROUNDS); round += 1) {
    for (const [name, way] of ways) {
      const delay = await delayOf(way);
      if (round >= 0) took.get(name)?.push(delay);
    }
  }
  for (const [name, delays] of took) {
    const slow = delays.toSorted((a, b) => a - b)[Math.floor(delays.length * 0.99)] ?? NaN;
    const figure = { section: SECTION, unit: 'ms', wanted: { atMost: WANTED_MS } };
    context.report({ ...figure, name: `a poll ${name} is answered, median`, value: median(delays) });
    context.report({ ...figure, name: `a poll ${name} is answered, 99th percentile`, value: slow });
  }
  await Promise.all(servers.map((server) => server.stop()));
  await redis.stop();
}

interface Way {
  readonly poll: string;
  readonly enqueue: string;
}

/** In milliseconds. */
async function delayOf({ poll, enqueue }: Way): Promise<number> {
  const answer = fetch(`${poll}/next?wait=30`).then((response) => response.text());
  await sleep(PARKING_MS);
  const from = performance.now();
  const sent = fetch(enqueue, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ eval_id: randomUUID(), code: 'x' }),
  });
  const task = await answer;
  const took = performance.now() - from;
  if ((await sent).status !== 201 || task === 'null') throw new Error('The task was not handed out');
  await (await sent).text();
  return took;
}
