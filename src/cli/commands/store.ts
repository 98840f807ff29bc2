import { loadConfig } from '../../config/config.js';
import { compactStore } from '../../storage/store-compact.js';
import { backupStore, checkStore, restoreStore } from '../../storage/store-backup.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';

/** `backup`: copies the embedded store, also while the service runs. */
export async function backup(directory: string, context: Context): Promise<void> {
  await report({ backup: directory }, backupStore(dataDirectory(), directory), context);
}

/** `check`: checks a store or a backup for damage. */
export async function check(directory = dataDirectory(), context: Context): Promise<void> {
  await report({ checked: directory }, checkStore(directory), context);
}

/** `restore`: installs a backup as the store of a stopped service. */
export async function restore(directory: string, context: Context): Promise<void> {
  const target = dataDirectory();
  await report({ restored: target }, restoreStore(directory, target), context);
}

/** `compact`: gives the free space in the file of a stopped service back to the disk. */
export async function compact(context: Context): Promise<void> {
  const directory = dataDirectory();
  const { tasks, before, after } = await orFail(compactStore(directory));
  await context.single().record({ compacted: directory, tasks, bytes_before: before, bytes_after: after });
}

/** The data directory from the service's own settings. */
function dataDirectory(): string {
  const { QUEUE_STORE, DATA_DIR } = loadConfig(process.env);
  if (QUEUE_STORE === 'embedded') return DATA_DIR;
  throw new CommandFailed(EXIT.usage, 'The store is in Redis; back it up with the tools of Redis');
}

async function report(about: object, counting: Promise<number>, context: Context): Promise<void> {
  const tasks = await orFail(counting);
  await context.single().record({ ...about, tasks });
}

function orFail<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw new CommandFailed(EXIT.unsuccessful, (error as Error).message);
  });
}
