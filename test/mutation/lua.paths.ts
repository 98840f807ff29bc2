import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';

const DRIVER = 'src/storage/redis';

/** Where the Lua files of the Redis driver are, below `root`, by their names. No two have the same name. */
export async function luaPathsOf(root: string): Promise<ReadonlyMap<string, string>> {
  const paths = await readdir(join(root, DRIVER), { recursive: true });
  const scripts = paths.filter((path) => path.endsWith('.lua')).toSorted();
  return new Map(scripts.map((path) => [basename(path), join(DRIVER, path)]));
}
