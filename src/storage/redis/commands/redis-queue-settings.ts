import type { Clock } from '../../../task/clock.js';
import type { QueueSettings, QueueSettingsChange } from '../../../task/queue-settings.js';
import { untilToken } from '../../../task/rate-limit.js';
import type { ConfiguredQueue } from '../../task-store.js';
import { inFlight } from '../connection/in-flight.js';
import { LuaScript } from '../connection/lua-script.js';
import type { StoreParts } from '../records/store-parts.js';

const CONFIGURE = new LuaScript('configure', { runsWhenFull: true });
const READ = new LuaScript('read-settings', { isReadOnly: true });
/** Reads of groups of queues that are on their way at a time. */
const READS_IN_FLIGHT = 16;

interface Found {
  readonly settings: QueueSettings;
  /** The instant at which the bucket of the rate is full. */
  readonly fullAt: number;
}

/** What is set for queues, a hash for each. Scripts read its fields, so a change counts from the step that makes it. */
export class RedisQueueSettings {
  constructor(
    private readonly parts: StoreParts,
    private readonly clock: Clock,
  ) {}

  async of(queue: string): Promise<QueueSettings> {
    const [found] = await this.read([queue]);
    return found?.settings ?? {};
  }

  async all(): Promise<readonly ConfiguredQueue[]> {
    const { names, connection } = this.parts;
    const groups = connection.groupsOf(await names.all());
    const configured = await inFlight(groups, READS_IN_FLIGHT, async (group) =>
      (await this.read(group)).flatMap(({ settings }, index) => {
        const queue = group[index];
        return queue === undefined || Object.keys(settings).length === 0 ? [] : [{ queue, settings }];
      }),
    );
    return configured.flat();
  }

  async change(queue: string, change: QueueSettingsChange): Promise<QueueSettings> {
    const { names, connection, keys } = this.parts;
    await names.ensure([queue]);
    const call = {
      keys: [keys.queue(queue)],
      args: [queue, keys.settings, this.clock.now().steady, ...argsOf(change)],
    };
    for (;;) {
      const fields = await connection.writeScript(CONFIGURE, call, (reply) => reply as string[] | null);
      if (fields !== null) return settingsIn(fields);
    }
  }

  /** Milliseconds until the rate of the queue allows a claim. */
  async untilAllowed(queue: string): Promise<number> {
    const [found] = await this.read([queue]);
    const limit = found?.settings.rateLimit;
    return found === undefined || limit === undefined
      ? 0
      : untilToken(limit, found.fullAt, this.clock.now().steady);
  }

  private async read(queues: readonly string[]): Promise<readonly Found[]> {
    const { connection, keys } = this.parts;
    const call = { keys: queues.map((queue) => keys.queue(queue)), args: [] };
    const rows = (await connection.readScript(READ, call)) as [string[], string | null][];
    return rows.map(([fields, fullAt]) => ({
      settings: settingsIn(fields),
      fullAt: fullAt === null ? -Infinity : Number(fullAt),
    }));
  }
}

function argsOf({ paused, rateLimit, ...numbers }: QueueSettingsChange): (string | number)[] {
  const rate = rateLimit === null ? { rateTasks: null, ratePer: null } : rateFields(rateLimit);
  const pause = paused === undefined ? undefined : { paused: paused ? 1 : null };
  const fields: Record<string, number | null | undefined> = { ...numbers, ...rate, ...pause };
  return Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, value ?? '']));
}

function rateFields(rate: QueueSettings['rateLimit']) {
  return rate && { rateTasks: rate.tasks, ratePer: rate.per };
}

function settingsIn(reply: readonly string[]): QueueSettings {
  const fields = new Map<string, number>();
  for (let at = 0; at < reply.length; at += 2) fields.set(reply[at] ?? '', Number(reply[at + 1]));
  const number = (name: string) => (fields.has(name) ? { [name]: fields.get(name) } : undefined);
  const tasks = fields.get('rateTasks');
  const per = fields.get('ratePer');
  return {
    ...(fields.has('paused') && { paused: true }),
    ...number('maxDepth'),
    ...number('maxConcurrency'),
    ...number('maxConcurrencyPerGroup'),
    ...(tasks !== undefined && per !== undefined && { rateLimit: { tasks, per } }),
    ...number('priorityAgeing'),
  };
}
