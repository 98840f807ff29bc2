import type { ClaimNames } from './claim-names.js';
import type { EventOptions, CommitFeed } from './events.js';
import type { KnownHeads } from './known-heads.js';
import type { IdDirectory } from './id-directory.js';
import type { Keys } from './keys.js';
import type { QueueNames } from './queue-names.js';
import type { Repairs } from './repairs.js';
import type { StoreConnection } from '../connection/store-connection.js';

/** The objects that the parts of the Redis store share. */
export interface StoreParts {
  readonly connection: StoreConnection;
  readonly keys: Keys;
  readonly directory: IdDirectory;
  readonly names: QueueNames;
  readonly claimNames: ClaimNames;
  readonly heads: KnownHeads;
  readonly repairs: Repairs;
  readonly commitFeed: CommitFeed;
  readonly events: EventOptions;
}
