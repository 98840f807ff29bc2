import type { ClaimNames } from './claim-names.js';
import type { EventOptions } from './event.text.js';
import type { Feed } from './feed.js';
import type { HeldTasks } from './held-tasks.js';
import type { IdDirectory } from './id-directory.js';
import type { Keys } from './keys.js';
import type { QueueNames } from './queue-names.js';
import type { Repairs } from './repairs.js';
import type { StoreConnection } from '../connection/store-connection.js';
import type { TaskRecords } from './task-records.js';

/** What the parts of the Redis store share. */
export interface StoreParts {
  readonly connection: StoreConnection;
  readonly keys: Keys;
  readonly directory: IdDirectory;
  readonly names: QueueNames;
  readonly claimNames: ClaimNames;
  readonly records: TaskRecords;
  readonly repairs: Repairs;
  readonly held: HeldTasks;
  readonly feed: Feed;
  readonly events: EventOptions;
}

/** For so long a late insert of a task that was removed is refused. Longer than a command can be on its way. */
export const FENCE_MS = 10_000;
