import type { Clock } from '../../../task/clock.js';
import { withPlausibleLease } from '../../../task/task.machine.js';
import type { StoreParts } from '../records/store-parts.js';
import type { TaskFinder } from './task-finder.js';
import type { TaskWriter } from './task-writer.js';

const AT_ONCE = 64;

/**
 * Shortens leases that were granted while the clock of Redis was ahead, and would otherwise hold their tasks until that
 * time. Runs at the start, and whenever the clock has gone back.
 */
export class LeaseCheck {
  constructor(
    private readonly parts: StoreParts,
    private readonly finder: TaskFinder,
    private readonly writer: TaskWriter,
    private readonly clock: Clock,
  ) {}

  /** @throws StoreUnavailable */
  async run(): Promise<void> {
    for (const queue of await this.parts.names.all()) await this.checkQueue(queue);
  }

  /** Checks leases from the one that ends last to those that end within a moment. */
  private async checkQueue(queue: string): Promise<void> {
    const { connection, keys } = this.parts;
    const key = keys.leases(queue);
    for (let seen = 0, length = AT_ONCE; length === AT_ONCE;) {
      const now = this.clock.now();
      const ids = await connection.read((client) =>
        client.zrevrangebyscore(key, '+inf', `(${now.steady}`, 'LIMIT', seen, AT_ONCE),
      );
      const found = await this.finder.findAll(ids.map((id) => ({ queue, id })));
      const changes = found.flatMap((each) => {
        const task = withPlausibleLease(each, now);
        return task === undefined ? [] : [{ task }];
      });
      await this.writer.replace(changes, { inSteps: true });
      length = ids.length;
      seen += length - changes.length;
    }
  }
}
