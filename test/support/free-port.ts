import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that the kernel gives to whoever does not ask for one: such a port is not taken before it is used. */
const FIRST = 10_000;
const PER_PROCESS = 1_000;
const PROCESSES = 20;

/** Tests that run side by side look in places of their own. */
const place = Number(process.env.JEST_WORKER_ID ?? process.pid) % PROCESSES;
let next = Math.floor(Math.random() * PER_PROCESS);

/** A port on 127.0.0.1 that nobody listened on a moment ago, and that nobody is given by chance. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PER_PROCESS; tries += 1) {
    const port = FIRST + place * PER_PROCESS + (next % PER_PROCESS);
    next += 1;
    if (await isFree(port)) return port;
  }
  throw new Error('No port is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
