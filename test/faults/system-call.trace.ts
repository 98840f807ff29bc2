import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A system call of the traced process. The numbers are places in the order of all calls and returns. */
export interface SystemCall {
  readonly name: string;
  readonly fd: number;
  /** What was written. */
  readonly data: Buffer;
  /** Where, if the call says so. */
  readonly offset: number | undefined;
  readonly began: number;
  readonly ended: number;
  readonly result: number;
}

const CALLS = [
  'write',
  'writev',
  'pwrite64',
  'pwritev',
  'pwritev2',
  'lseek',
  'fdatasync',
  'fsync',
  'ftruncate',
];
/** No call writes more at once. */
const LONGEST_STRING = 4_194_304;

export function hasStrace(): boolean {
  return spawnSync('strace', ['-V']).status === 0;
}

/** Follows all threads of a process until `stop`. */
export class Trace {
  private constructor(
    private readonly strace: ChildProcess,
    private readonly file: string,
  ) {}

  static async attach(pid: number, file: string): Promise<Trace> {
    const args = [
      '-f',
      '-p',
      String(pid),
      '-xx',
      '-s',
      String(LONGEST_STRING),
      '-o',
      file,
      '-e',
      `trace=${CALLS.join(',')}`,
    ];
    const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    await attached(strace.stderr);
    return new Trace(strace, file);
  }

  /** Lets go of the process and gives what it did, in the order in which it began. */
  async stop(): Promise<SystemCall[]> {
    const ended = once(this.strace, 'close');
    this.strace.kill('SIGINT');
    await ended;
    return readTrace(this.file);
  }
}

async function attached(messages: Readable): Promise<void> {
  for await (const line of createInterface({ input: messages })) {
    if (line.includes(' attached')) {
      messages.resume();
      return;
    }
  }
  throw new Error('strace could not attach to the service');
}

interface Begun {
  readonly text: string;
  readonly began: number;
}

/** Puts calls that were interrupted in the trace by those of other threads back together. */
export async function readTrace(file: string): Promise<SystemCall[]> {
  const calls: SystemCall[] = [];
  const unfinished = new Map<string, Begun>();
  let place = 0;
  for await (const line of createInterface({ input: createReadStream(file, 'latin1') })) {
    place += 1;
    const [, thread = '', text = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const cut = text.indexOf(' <unfinished ...>');
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text);
    if (cut >= 0) {
      unfinished.set(thread, { text: text.slice(0, cut), began: place });
      continue;
    }
    const begun = resumed === null ? undefined : unfinished.get(thread);
    if (begun !== undefined) unfinished.delete(thread);
    const whole = begun === undefined ? text : begun.text + text.slice(resumed?.[0].length ?? 0);
    const call = parseCall(whole, begun?.began ?? place, place);
    if (call !== undefined) calls.push(call);
  }
  // Still under way at the end.
  for (const { text, began } of unfinished.values()) {
    const call = parseCall(`${text} = 0`, began, Infinity);
    if (call !== undefined) calls.push(call);
  }
  return calls.sort((a, b) => a.began - b.began);
}

/** The strings of a line hold nothing but `\\xNN`, so numbers, commas and brackets outside them are what they seem. */
function parseCall(text: string, began: number, ended: number): SystemCall | undefined {
  const name = /^\w+/.exec(text)?.[0];
  const fd = /^\w+\((\d+)/.exec(text)?.[1];
  const result = /= (-?\d+)[^=]*$/.exec(text)?.[1];
  if (name === undefined || fd === undefined || result === undefined) return undefined;
  const strings = [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) =>
    hex.replaceAll('\\x', ''),
  );
  const data = Buffer.from(strings.join(''), 'hex');
  return { name, fd: Number(fd), data, offset: offsetOf(name, text), began, ended, result: Number(result) };
}

function offsetOf(name: string, text: string): number | undefined {
  switch (name) {
    case 'pwrite64':
    case 'pwritev':
      return Number(/, (\d+)\)\s*= /.exec(text)?.[1] ?? /, (\d+)\)?\s*=? ?[^,]*$/.exec(text)?.[1]);
    case 'lseek':
      return Number(/\(\d+, (\d+), SEEK_SET/.exec(text)?.[1]);
    default:
      return undefined;
  }
}
