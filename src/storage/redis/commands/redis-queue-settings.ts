import type { Clock } from '../../../task/clock.js';
import { PROBE_INTERVAL_MS } from '../../../task/outage-guard.js';
import { hasOutage, type QueueSettings, type QueueSettingsChange } from '../../../task/queue-settings.js';
import { untilToken } from '../../../task/rate-limit.js';
import { type ConfiguredQueue, QueueSettingsStore } from '../../queue-settings-store.js';
import { inFlight } from '../connection/in-flight.js';
import { LuaScript } from '../connection/lua-script.js';
import type { StoreParts } from '../records/store-parts.js';

const CONFIGURE = new LuaScript('configure', { runsWhenFull: true });
const READ = new LuaScript('read-settings', { isReadOnly: true });
/** Reads of groups of queues that are in flight at a time. */
const READS_IN_FLIGHT = 16;

interface Found {
  readonly settings: QueueSettings;
  /** When the next probe of an outage may be claimed. */
  readonly probeAt: number;
  /** The time at which the bucket of the rate limit is full. */
  readonly fullAt: number;
}

/** Queue settings, as a hash for each queue. Scripts read its fields, so a change applies at once. */
export class RedisQueueSettings extends QueueSettingsStore {
  constructor(
    private readonly parts: StoreParts,
    private readonly clock: Clock,
  ) {
    super();
  }

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

  async untilAllowed(queue: string): Promise<number> {
    const [found] = await this.read([queue]);
    if (found === undefined) return 0;
    const { settings, fullAt, probeAt } = found;
    const { steady } = this.clock.now();
    const { rateLimit } = settings;
    const untilRate = rateLimit === undefined ? 0 : untilToken(rateLimit, fullAt, steady);
    return Math.max(untilRate, hasOutage(settings) ? untilProbe(probeAt, steady) : 0);
  }

  private async read(queues: readonly string[]): Promise<readonly Found[]> {
    const { connection, keys } = this.parts;
    const call = { keys: queues.map((queue) => keys.queue(queue)), args: [] };
    const rows = (await connection.readScript(READ, call)) as [string[], string | null][];
    return rows.map(([fields, fullAt]) => ({
      settings: settingsIn(fields),
      probeAt: numbersIn(fields).get('probeAt') ?? -Infinity,
      fullAt: fullAt === null ? -Infinity : Number(fullAt),
    }));
  }
}

/** Ignores a time that a clock ahead of this one has set. */
function untilProbe(probeAt: number, steady: number): number {
  return probeAt > steady + 2 * PROBE_INTERVAL_MS ? 0 : Math.max(probeAt - steady, 0);
}

function argsOf({
  paused,
  rateLimit,
  outageGuard,
  outage,
  ...numbers
}: QueueSettingsChange): (string | number)[] {
  const rate = rateLimit === null ? { rateTasks: null, ratePer: null } : rateFields(rateLimit);
  const pause = paused === undefined ? undefined : { paused: paused ? 1 : null };
  const fields: Record<string, number | null | undefined> = {
    ...{ ...numbers, ...rate, ...pause },
    ...guardFields(outageGuard),
    ...outageFields(outage),
  };
  return Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [name, value ?? '']));
}

function rateFields(rate: QueueSettings['rateLimit']) {
  return rate && { rateTasks: rate.tasks, ratePer: rate.per };
}

function guardFields(guard: QueueSettingsChange['outageGuard']) {
  if (guard === undefined) return {};
  const { window = null, minAttempts = null, share = null } = guard === 'off' || guard === null ? {} : guard;
  const guardOff = guard === 'off' ? 1 : null;
  return { guardOff, guardWindow: window, guardMinAttempts: minAttempts, guardShare: share };
}

function guardIn(fields: ReadonlyMap<string, number>): Pick<QueueSettings, 'outageGuard'> {
  if (fields.has('guardOff')) return { outageGuard: 'off' };
  const [window, minAttempts, share] = ['guardWindow', 'guardMinAttempts', 'guardShare'].map((name) =>
    fields.get(name),
  );
  if (window === undefined || minAttempts === undefined || share === undefined) return {};
  return { outageGuard: { window, minAttempts, share } };
}

function outageFields(outage: QueueSettingsChange['outage']) {
  if (outage === undefined) return {};
  const { since = null, foundAt = null, until = null } = outage ?? {};
  const probe = since === null ? { probeAt: null } : undefined;
  return { outageSince: since, outageFoundAt: foundAt, outageUntil: until, ...probe };
}

function outageIn(fields: ReadonlyMap<string, number>): Pick<QueueSettings, 'outage'> {
  const [since, foundAt, until] = ['outageSince', 'outageFoundAt', 'outageUntil'].map((name) =>
    fields.get(name),
  );
  if (since === undefined || foundAt === undefined) return {};
  return { outage: until === undefined ? { since, foundAt } : { since, foundAt, until } };
}

function numbersIn(reply: readonly string[]): Map<string, number> {
  const fields = new Map<string, number>();
  for (let at = 0; at < reply.length; at += 2) fields.set(reply[at] ?? '', Number(reply[at + 1]));
  return fields;
}

function settingsIn(reply: readonly string[]): QueueSettings {
  const fields = numbersIn(reply);
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
    ...guardIn(fields),
    ...outageIn(fields),
  };
}
