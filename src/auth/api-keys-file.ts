import { open, stat } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { validateSync } from 'class-validator';
import { parseMoment } from '../http/moment.js';
import type { Instant } from '../task/clock.js';
import { ApiKeyEntry } from './api-key-entry.js';

/** Far above the size of any real key list; a wrong path cannot fill the memory. */
const LARGEST_FILE_BYTES = 4_194_304;

/** The key file is invalid. The message names the fault without quoting the file, which contains secrets. */
export class InvalidKeysFile extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'InvalidKeysFile';
  }
}

/** Identifies a version of the file, even if a replacement has the same age or size. */
export async function fingerprint(path: string): Promise<string> {
  try {
    return fingerprintOf(await stat(path, { bigint: true }));
  } catch (error) {
    return reasonOf(error);
  }
}

/** @throws InvalidKeysFile */
export async function readKeysFile(path: string): Promise<readonly ApiKeyEntry[]> {
  return parseKeys(await readText(path));
}

/** @throws InvalidKeysFile */
export function parseKeys(text: string): readonly ApiKeyEntry[] {
  const list = listOf(parseJson(text));
  const entries = list.map(entryOf);
  refuseRepeated(entries, 'id');
  refuseRepeated(entries, 'sha256');
  return entries;
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > LARGEST_FILE_BYTES) throw new InvalidKeysFile(`is larger than ${LARGEST_FILE_BYTES} bytes`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof InvalidKeysFile) throw cause;
    throw new InvalidKeysFile(`cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // JSON.parse quotes the text in its error, so the error is not kept as the cause.
    throw new InvalidKeysFile('is not JSON');
  }
}

function listOf(document: unknown): readonly unknown[] {
  const list = isRecord(document) && Object.keys(document).length === 1 ? document.keys : undefined;
  if (!Array.isArray(list)) throw new InvalidKeysFile('must be an object with one member, the list "keys"');
  return list as readonly unknown[];
}

function entryOf(value: unknown, index: number): ApiKeyEntry {
  const name = `keys[${index}]`;
  if (!isRecord(value)) throw new InvalidKeysFile(`${name} must be an object`);
  const entry = Object.assign(new ApiKeyEntry(), value);
  // An unknown member may be a misspelt limit; ignoring it could grant too much.
  const known = Object.keys(new ApiKeyEntry());
  if (Object.keys(value).some((member) => !known.includes(member))) {
    throw new InvalidKeysFile(`${name} has a member that is none of ${known.join(', ')}`);
  }
  const [problem] = validateSync(entry);
  const [message] = Object.values(problem?.constraints ?? {});
  if (problem) throw new InvalidKeysFile(`${name}: ${message ?? `${problem.property} is invalid`}`);
  refuseNonsense(entry, name);
  return entry;
}

function refuseNonsense({ roles, queues, not_before, expires }: ApiKeyEntry, name: string): void {
  if (roles.includes('admin') && !queues.includes('*')) {
    throw new InvalidKeysFile(`${name}: an admin has access to all queues, so queues must be ["*"]`);
  }
  const [begin = -Infinity, end = Infinity] = [not_before, expires].map(instantOf);
  if (begin >= end) {
    throw new InvalidKeysFile(`${name}: expires must be later than not_before`);
  }
}

/** A time in the file; `undefined` if it is null. */
export function instantOf(text: string | null): Instant | undefined {
  return text === null ? undefined : parseMoment(text);
}

function refuseRepeated(entries: readonly ApiKeyEntry[], member: 'id' | 'sha256'): void {
  const seen = new Map<string, number>();
  entries.forEach((entry, index) => {
    const value = entry[member].toLowerCase();
    const first = seen.get(value);
    if (first !== undefined)
      throw new InvalidKeysFile(`keys[${first}] and keys[${index}] have the same ${member}`);
    seen.set(value, index);
  });
}

function fingerprintOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function reasonOf(error: unknown): string {
  return isRecord(error) && 'code' in error ? String(error.code) : String(error);
}
