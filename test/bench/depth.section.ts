import type { BenchContext } from './bench.context.js';
import { median } from './contest.js';
import type { Traffic } from './load.traffic.js';
import { PROGRAMS, ServerProcess } from './server.process.js';

const SECTION = 'depth';
const DEEP = 1_000_000;
const SHALLOW = 1_000;
/** So that the task, as it lies in the queue, has 500 bytes of code and fields. */
const BODY_BYTES = 500;
const ROUNDS = 60;
/** Small, so that the shallow queue stays shallow. */
const UNITS_PER_ROUND = 500;
const WARM_UP_ROUNDS = 60;
const CLAIMS = 100_000;
const MEMORY_LIMIT_MIB = 600;
const RESTART_LIMIT_S = 5;
const DEPTH_LIMIT = 1.3;

type Operation = 'enqueue' | 'claim' | 'position';

interface Queue {
  readonly server: ServerProcess;
  readonly depth: number;
}

/** A queue of a million tasks beside one of a thousand; then restarts with it, and its memory. */
export async function depthSection(context: BenchContext): Promise<void> {
  const directory = context.freshDirectory();
  const deep = await load(context, directory, context.scaled(DEEP));
  const shallow = await load(context, context.freshDirectory(), SHALLOW);
  await compareDepths(context, { deep, shallow });
  await shallow.server.stop();
  const restarted = await restarts(context, deep.server, directory);
  const traffic: Traffic = { kind: 'claim' };
  const units = context.scaled(CLAIMS);
  const { connections } = context.options;
  await context.load.run({ port: restarted.port, connections, units, traffic });
  reportMemory(context, `after ${units} claims`, restarted);
  await restarted.stop();
}

async function load(context: BenchContext, directory: string, depth: number): Promise<Queue> {
  const server = await ServerProcess.start({ program: PROGRAMS.service, env: { DATA_DIR: directory } });
  const traffic: Traffic = { kind: 'batch', prefix: 'd', from: 0, bodyBytes: BODY_BYTES };
  const job = { port: server.port, connections: 4, units: Math.ceil(depth / 1000), traffic };
  const { seconds } = await context.load.run(job);
  if (depth > SHALLOW) {
    const value = depth / seconds;
    context.report({ section: SECTION, name: 'load by POST /tasks/batch', value, unit: 'tasks/s' });
    reportMemory(context, 'after the load', server);
  }
  return { server, depth };
}

/** By turns, so that the depths stay what they are: some enqueues, as many claims, some reads of positions. */
async function compareDepths(
  context: BenchContext,
  { deep, shallow }: { deep: Queue; shallow: Queue },
): Promise<void> {
  const ratios: Record<Operation, number[]> = { enqueue: [], claim: [], position: [] };
  const times: Record<Operation, number[]> = { enqueue: [], claim: [], position: [] };
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    for (const operation of ['enqueue', 'claim', 'position'] as const) {
      const shallowTime = await timeOf(context, shallow, { operation, round });
      const deepTime = await timeOf(context, deep, { operation, round });
      if (round < 0) continue;
      ratios[operation].push(deepTime / shallowTime);
      times[operation].push(deepTime);
    }
  }
  for (const operation of ['enqueue', 'claim', 'position'] as const) {
    const name = `${operation}, at ${deep.depth} ÷ at ${shallow.depth} (HTTP)`;
    const wanted = { atMost: DEPTH_LIMIT };
    context.report({ section: SECTION, name, value: median(ratios[operation]), unit: '×', wanted });
    const value = median(times[operation]) * 1e6;
    context.report({ section: SECTION, name: `${operation}, at ${deep.depth}`, value, unit: 'µs' });
  }
}

/** Seconds a request, at full load. */
async function timeOf(
  context: BenchContext,
  { server, depth }: Queue,
  { operation, round }: { operation: Operation; round: number },
): Promise<number> {
  const units = UNITS_PER_ROUND;
  const { connections } = context.options;
  const job = { port: server.port, connections, units, traffic: trafficOf() };
  return (await context.load.run(job)).seconds / units;

  function trafficOf(): Traffic {
    if (operation === 'claim') return { kind: 'claim' };
    const from = (round + WARM_UP_ROUNDS) * UNITS_PER_ROUND;
    if (operation === 'enqueue') return { kind: 'enqueue', prefix: 'e', from, bodyBytes: BODY_BYTES };
    // What was just enqueued waits at the end.
    const isShallow = depth === SHALLOW;
    return isShallow
      ? { kind: 'read', prefix: 'e', from, count: UNITS_PER_ROUND }
      : { kind: 'read', prefix: 'd', from: Math.floor(depth / 4), count: Math.floor(depth / 2) };
  }
}

async function restarts(
  context: BenchContext,
  running: ServerProcess,
  directory: string,
): Promise<ServerProcess> {
  let server = running;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const stopped = await server.stop(signal);
    context.report({ section: SECTION, name: `end by ${signal}`, value: stopped / 1000, unit: 's' });
    server = await ServerProcess.start({ program: PROGRAMS.service, env: { DATA_DIR: directory } });
    const name = `ready again after ${signal}`;
    const value = server.startedInMs / 1000;
    const wanted = { atMost: RESTART_LIMIT_S };
    context.report({ section: SECTION, name, value, unit: 's', wanted });
    // Apart from the clock on the wall, which runs on while others have the processor.
    const used = server.cpuSeconds;
    context.report({ section: SECTION, name: `${name}, processor time`, value: used, unit: 's' });
    reportMemory(context, `after a restart by ${signal}`, server);
  }
  return server;
}

function reportMemory(context: BenchContext, when: string, server: ServerProcess): void {
  const { rss, anonymous, file } = server.memory;
  const wanted = { atMost: MEMORY_LIMIT_MIB };
  const unit = 'MiB';
  context.report({ section: SECTION, name: `VmRSS ${when}`, value: rss, unit, wanted });
  context.report({ section: SECTION, name: `RssAnon ${when}`, value: anonymous, unit });
  context.report({ section: SECTION, name: `RssFile ${when}`, value: file, unit });
}
