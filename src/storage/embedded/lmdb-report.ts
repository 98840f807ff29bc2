import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';

/**
 * What lmdb 3.5.6 prints of a failed page write, and what it prints instead. It formats the first text into 100 bytes of
 * its own with three lengths, of which it has often set only one, so the text overruns them and damages the heap. The
 * second writes to the standard error between the lines of the log; the error says the same.
 */
const REPORTS = [
  {
    text: 'Attempting to write page at position %u, size %u, blocks %u, buffer sizes %i %i %i',
    mended: 'Attempting to write page at position %u, size %u, blocks %u',
  },
  { text: 'Write error: %s position %u, size %u', mended: '' },
];
const MEMORY = '/proc/self/mem';
/** A line of /proc/self/maps: where a part of a file is in memory. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(\/.*\.node)$/;

interface Mapping {
  readonly start: number;
  readonly end: number;
  /** Where it begins in the file. */
  readonly offset: number;
  readonly file: string;
}

let isDone: boolean | undefined;

/**
 * Keeps lmdb from overrunning its buffer, by shortening its text in the memory of this process; the files of lmdb stay as
 * they are. To be called before lmdb writes. Does nothing where there is no `/proc`, or another lmdb.
 *
 * @returns whether lmdb can report a failed write without damage
 */
export function mendWriteReport(): boolean {
  isDone ??= tryToMend();
  return isDone;
}

function tryToMend(): boolean {
  try {
    return REPORTS.every(mend);
  } catch {
    // No /proc, or a system that lets no process write there: the process is ended without an orderly exit then.
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

/** Does nothing the second time. @throws Error when something else is there, or it cannot be written */
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
