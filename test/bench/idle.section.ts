import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { BenchContext } from './bench.context.js';
import { PROGRAMS, ServerProcess } from './server.process.js';

const POLLS = 1000;
const SETTLE_MS = 2_000;
const WATCH_MS = 10_000;

/** What a service costs that has nothing to do, and whose workers wait. */
export async function idleSection(context: BenchContext): Promise<void> {
  const env = { DATA_DIR: context.freshDirectory() };
  const server = await ServerProcess.start({ program: PROGRAMS.service, env });
  const before = await cpuPercent(server);
  const sockets = await Promise.all(Array.from({ length: POLLS }, () => park(server.port)));
  const parked = await cpuPercent(server);
  const { rss } = server.memory;
  for (const socket of sockets) socket.destroy();
  await server.stop();
  const section = 'idle';
  const unit = '% of a core';
  context.report({ section, name: 'processor, no connection', value: before, unit });
  context.report({ section, name: `processor, ${POLLS} parked polls`, value: parked, unit });
  context.report({ section, name: `VmRSS, ${POLLS} parked polls`, value: rss, unit: 'MiB' });
}

async function cpuPercent(server: ServerProcess): Promise<number> {
  await sleep(SETTLE_MS);
  const from = server.cpuSeconds;
  await sleep(WATCH_MS);
  return ((server.cpuSeconds - from) / (WATCH_MS / 1000)) * 100;
}

async function park(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  socket.write('GET /tasks/next?wait=60 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  return socket;
}
