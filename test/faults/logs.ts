/**
 * `npm run test:logs -- [--store embedded|redis] [--mib 4] [--workers 8] [--kill 2]`: workers send logs in chunks that are
 * doubled, repeated late and out of order, while the service is killed every `--kill` seconds, and each loses its lease in
 * the middle. Ranges and an event stream must then give every log back byte for byte. Exit code 0 when they do; a worker
 * that loses its lease by surprise, or makes no progress for `--patience` seconds, ends the run with exit code 1.
 */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Service } from './service.js';
import { StoreSite } from './store-site.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded' },
    mib: { type: 'string', default: '4' },
    workers: { type: 'string', default: '8' },
    kill: { type: 'string', default: '2' },
    patience: { type: 'string', default: '300' },
  },
});
const MIB = 1_048_576;
/** Seconds. Longer than several restarts on a loaded machine. */
const LEASE = 3_600;
const workers = Number(values.workers);
const bytesEach = Math.ceil((Number(values.mib) * MIB) / workers);
const problems: string[] = [];
const tally = { sent: 0, doubled: 0, refused: 0, unanswered: 0, kills: 0, stale: 0 };

const site = await StoreSite.open(values.store);
const env = { ...site.options.env, LOG_MAX_BYTES: String(Math.max(bytesEach * 2, MIB)) };
let service = await Service.start({ ...site.options, env });
const { port, url } = service;
let isOver = false;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

/** Repeats a call until the service answers it in full. */
async function ask(method: string, path: string, body?: string | Buffer, headers = {}): Promise<Answer> {
  const end = performance.now() + Number(values.patience) * 1_000;
  while (!isOver && performance.now() < end) {
    try {
      const answer = await fetch(url + path, { method, body: body as string | undefined, headers });
      const bytes = Buffer.from(await answer.arrayBuffer());
      // 408: this process stood still while it sent the request.
      if (answer.status !== 503 && answer.status !== 408)
        return { status: answer.status, headers: answer.headers, bytes };
    } catch {
      tally.unanswered += 1;
    }
    await delay(20);
  }
  throw new Error(`${method} ${path} was not answered for ${values.patience} s`);
}

/** Throws unless the service accepts the call. */
async function post(path: string, body: object): Promise<Record<string, unknown>> {
  const { status, bytes } = await ask('POST', path, JSON.stringify(body), {
    'Content-Type': 'application/json',
  });
  if (status >= 300) throw new Error(`POST ${path} was answered ${status}: ${bytes.toString()}`);
  return JSON.parse(bytes.toString()) as Record<string, unknown>;
}

/** Lines that differ from each other, with colors and characters of several bytes. */
function textOf(name: string): Buffer {
  const lines: string[] = [];
  for (let size = 0, line = 0; size < bytesEach; line += 1) {
    const digest = createHash('sha256').update(`${name} ${line}`).digest('base64');
    lines.push(`\u001b[3${line % 8}m${name} ${line} é🙂 ${digest}\u001b[0m\n`);
    size += Buffer.byteLength(lines.at(-1) ?? '');
  }
  return Buffer.from(lines.join(''));
}

interface Held {
  readonly id: string;
  readonly lease: string;
}

async function claim(id: string): Promise<Held> {
  const claimId = `${id}-${Math.random()}`;
  const body = { worker_id: id, queues: [id], lease: LEASE, wait: 10, claim_id: claimId };
  const claimed = await post('/tasks/claim', body);
  const [task] = (claimed.tasks ?? []) as { lease_id: string }[];
  if (task === undefined) throw new Error(`${id} is not ready`);
  return { id, lease: task.lease_id };
}

/** Resolves with the bytes that the log has then. Throws when the lease is lost: no later chunk could be kept. */
async function append({ id, lease }: Held, all: Buffer, from: number, to: number): Promise<number> {
  const headers = { 'X-Lease-Id': lease, 'Content-Type': 'application/octet-stream' };
  const answer = await ask('POST', `/tasks/${id}/log?offset=${from}`, all.subarray(from, to), headers);
  const { size = 0, code } = JSON.parse(answer.bytes.toString()) as { size?: number; code?: string };
  if (answer.status === 200) return size;
  if (code !== 'log_offset') throw new Error(`${id}: an append was answered ${answer.status} ${code}`);
  tally.refused += 1;
  return size;
}

/** Sends a log up to `end`, several chunks at once in any order, some of them again. */
async function sendLog(held: Held, all: Buffer, end: number): Promise<void> {
  let size = 0;
  while (size < end) {
    const chunks: (readonly [number, number])[] = [];
    for (let from = size; chunks.length < 4 && from < end;) {
      const to = Math.min(from + 1 + Math.floor(Math.random() * 65_536), end);
      chunks.push([from, to]);
      from = to;
    }
    const doubled = chunks.filter(() => Math.random() < 0.5);
    const late = Math.floor(Math.random() * (size + 1));
    const repeated = size === 0 ? [] : [[late, Math.min(late + 10_000, size)] as const];
    const order = [...chunks, ...doubled, ...repeated].toSorted(() => Math.random() - 0.5);
    tally.sent += order.length;
    tally.doubled += doubled.length + repeated.length;
    const sizes = await Promise.all(order.map(([from, to]) => append(held, all, from, to)));
    size = Math.max(size, ...sizes);
  }
}

async function work(index: number): Promise<void> {
  const id = `log-${index}`;
  await post('/tasks', { eval_id: id, code: 'x', queue: id, max_interruptions: 3, timeout: 3600 });
  const all = textOf(id);
  const first = await claim(id);
  const middle = Math.floor(all.length / 2);
  await sendLog(first, all, middle);
  // Another worker gets the task, and this one goes on sending. A repeated release finds the lease lost.
  const release = JSON.stringify({ lease_id: first.lease });
  await ask('POST', `/tasks/${id}/release`, release, { 'Content-Type': 'application/json' });
  const second = await claim(id);
  const headers = { 'X-Lease-Id': first.lease, 'Content-Type': 'text/plain' };
  const stale = await ask('POST', `/tasks/${id}/log?offset=${middle}`, 'stale', headers);
  if (stale.status === 409) tally.stale += 1;
  else problems.push(`${id}: a stale lease was answered ${stale.status}`);
  await sendLog(second, all, all.length);
  await post(`/tasks/${id}/complete`, { lease_id: second.lease });
  await compare(id, 1, all.subarray(0, middle));
  await compare(id, 2, all);
}

/** Reads an attempt by ranges of random lengths. */
async function compare(id: string, attempt: number, expected: Buffer): Promise<void> {
  const parts: Buffer[] = [];
  for (let from = 0; from < expected.length;) {
    const to = Math.min(from + 1 + Math.floor(Math.random() * 500_000), expected.length);
    const answer = await ask('GET', `/tasks/${id}/log?attempt=${attempt}`, undefined, {
      Range: `bytes=${from}-${to - 1}`,
    });
    if (answer.status !== 206) problems.push(`${id}: a range was answered ${answer.status}`);
    const size = Number(answer.headers.get('x-log-size'));
    if (size !== expected.length)
      problems.push(`${id}: attempt ${attempt} has ${size} of ${expected.length} bytes`);
    parts.push(answer.bytes);
    from = to;
  }
  if (!Buffer.concat(parts).equals(expected)) problems.push(`${id}: the ranges of attempt ${attempt} differ`);
}

/** Follows a task by an event stream until its end, and connects again with the last id. Resolves with its text. */
async function follow(id: string): Promise<string> {
  const texts: string[] = [];
  let last: string | undefined;
  let isEnded = false;
  while (!isEnded && !isOver) {
    await new Promise<void>((resolve) => {
      const headers = { Accept: 'text/event-stream', ...(last !== undefined && { 'Last-Event-ID': last }) };
      const sent = request(`${url}/tasks/${id}/log?attempt=1`, { headers, agent: false }, (response) => {
        let rest = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          const blocks = (rest + chunk).split('\n\n');
          rest = blocks.pop() ?? '';
          for (const block of blocks) {
            const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
            if (field('event') === 'end') isEnded = true;
            if (field('event') !== 'log') continue;
            last = field('id');
            texts.push((JSON.parse(field('data') ?? '{}') as { text: string }).text);
          }
        });
        response.on('close', resolve);
        response.on('error', () => undefined);
      });
      sent.on('error', () => {
        resolve();
      });
      sent.end();
    });
    await delay(50);
  }
  return texts.join('');
}

async function killOn(): Promise<void> {
  for (;;) {
    for (let waited = 0; waited < Number(values.kill) * 1_000; waited += 100) {
      if (isOver) return;
      await delay(100);
    }
    await service.kill();
    service = await Service.start({ ...site.options, env, port });
    tally.kills += 1;
  }
}

const began = performance.now();
const killer = killOn();
const ids = Array.from({ length: workers }, (_, index) => `log-${index}`);
const streams = ids.map((id) => follow(id));
try {
  await Promise.all(ids.map((_, index) => work(index)));
} catch (error) {
  problems.push(String(error));
  isOver = true;
  // Ends the streams.
  await killer;
  await service.stop();
}
const seen = await Promise.all(streams);
isOver = true;
await killer;
for (const [index, id] of problems.length === 0 ? ids.entries() : []) {
  const all = textOf(id);
  const expected = all.subarray(0, Math.floor(all.length / 2)).toString() + all.toString();
  // The cut between the attempts may part a character.
  if (seen[index]?.replaceAll('\ufffd', '') !== expected.replaceAll('\ufffd', ''))
    problems.push(`${id}: the stream differs`);
}
await service.stop();
await site.close();
console.log(
  `${values.store}: ${workers} logs of ${bytesEach} bytes in ${((performance.now() - began) / 1_000).toFixed(0)} s`,
);
console.log(JSON.stringify(tally));
for (const problem of problems) console.log(`PROBLEM ${problem}`);
if (tally.kills === 0) console.log('The service was never killed: use more --mib');
process.exitCode = problems.length === 0 ? 0 : 1;
