import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';

/**
 * The texts that lmdb 3.5.6 prints for a failed page write, and their replacements. lmdb formats the first text with
 * three lengths into a 100-byte buffer. It has often set only one of them, so the text overruns the buffer and damages
 * the heap. The second text would go to standard error between the log lines; the error repeats it.
 */
const REPORTS = [
  {
    text: 'Attempting to write page at position %u, size %u, blocks %u, buffer sizes %i %i %i',
    mended: 'Attempting to write page at position %u, size %u, blocks %u',
  },
  { text: 'Write error: %s position %u, size %u', mended: '' },
];
const MEMORY = '/proc/self/mem';
/** A line of /proc/self/maps: the mapping of a part of a file. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(\/.*\.node)$/;

interface Mapping {
  readonly start: number;
  readonly end: number;
  /** Offset of the mapping in the file. */
  readonly offset: number;
  readonly file: string;
}

let isDone: boolean | undefined;

/**
 * Keeps lmdb from overrunning its buffer by shortening its text in this process's memory. The files of lmdb stay
 * unchanged. Call it before lmdb writes. Does nothing without `/proc` or with another lmdb version.
 *
 * @returns whether lmdb can report a failed write without damaging the heap
 */
export function mendWriteReport(): boolean {
  isDone ??= mendAll();
  return isDone;
}

function mendAll(): boolean {
  try {
    return REPORTS.every(mend);
  } catch {
    // Without a writable /proc, the process is killed after a failed write instead of exiting in order.
    return false;
  }
}

function mend({ text, mended }: (typeof REPORTS)[number]): boolean {
  const wanted = Buffer.from(`${text}\0`);
  const next = Buffer.alloc(wanted.length);
  next.write(mended);
  const addresses = lmdbMappings().flatMap((mapping) => addressIn(mapping, wanted));
  for (const address of addresses) replace(address, wanted, next);
  return addresses.length > 0;
}

function lmdbMappings(): readonly Mapping[] {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, start = '', end = '', offset = '', file = ''] = MAPPING.exec(line) ?? [];
      const isOfLmdb = file.includes('lmdb');
      return isOfLmdb ? [{ start: hex(start), end: hex(end), offset: hex(offset), file }] : [];
    });
}

function addressIn({ start, end, offset, file }: Mapping, wanted: Buffer): number[] {
  const at = readFileSync(file).indexOf(wanted);
  const address = start + at - offset;
  return at < offset || address + wanted.length > end ? [] : [address];
}

/** Idempotent. @throws Error when the memory holds another text or cannot be written */
function replace(address: number, wanted: Buffer, next: Buffer): void {
  const memory = openSync(MEMORY, 'r+');
  try {
    const present = Buffer.alloc(wanted.length);
    readSync(memory, present, 0, present.length, address);
    if (present.equals(next)) return;
    if (!present.equals(wanted)) throw new Error('lmdb has another text in memory');
    writeSync(memory, next, 0, next.length, address);
  } finally {
    closeSync(memory);
  }
}

function hex(digits: string): number {
  return Number.parseInt(digits, 16);
}
