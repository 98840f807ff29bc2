import { crc32 } from 'node:zlib';
import { open } from 'lmdb';
import { fileIn, MOST_TABLES } from './lmdb-file.js';

/** What a table holds. */
export interface TableDigest {
  readonly entries: number;
  /** CRC-32 over all keys and values, in order. */
  readonly sum: number;
}

/** Reads every key and value of a sound file as bytes. No process may write to the file meanwhile. */
export async function digestTables(directory: string): Promise<ReadonlyMap<string, TableDigest>> {
  const root = open({ path: fileIn(directory), noSubdir: true, readOnly: true, maxDbs: MOST_TABLES });
  try {
    const digests = new Map<string, TableDigest>();
    for (const name of [...root.getKeys()].map(String)) {
      const table = root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
      let entries = 0;
      let sum = 0;
      for (const { key, value } of table.getRange()) {
        entries += 1;
        // The lengths are part of the sum, so that no byte can move from a key to its value.
        sum = crc32(value, crc32(key, crc32(`${key.length},${value.length};`, sum)));
      }
      digests.set(name, { entries, sum });
    }
    return digests;
  } finally {
    await root.close();
  }
}
