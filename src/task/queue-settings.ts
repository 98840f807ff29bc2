import type { Seconds } from './clock.js';
import { DEFAULT_OUTAGE_GUARD, isOngoing, type Outage, type OutageGuard } from './outage-guard.js';
import type { RateLimit } from './rate-limit.js';

/** Settings that control how workers claim a queue's tasks. An absent member sets no limit. */
export interface QueueSettings {
  /** Workers get no tasks from the queue. They finish the tasks they hold. */
  readonly paused?: boolean;
  /** Maximum number of waiting tasks. The enqueue checks it; stores only keep it. */
  readonly maxDepth?: number;
  /** Maximum number of tasks in `processing`. */
  readonly maxConcurrency?: number;
  /** Maximum number of tasks in `processing` per group. Tasks without a group are exempt. */
  readonly maxConcurrencyPerGroup?: number;
  readonly rateLimit?: RateLimit;
  /** Seconds of waiting that add one point of priority. */
  readonly priorityAgeing?: Seconds;
  /** How to tell an outage. The default guard when absent. */
  readonly outageGuard?: OutageGuard | 'off';
  /** The latest outage, as the service has recognized it. */
  readonly outage?: Outage;
}

/** A settings change: absent members stay as they are, `null` removes a setting. */
export type QueueSettingsChange = { readonly [Name in keyof QueueSettings]?: QueueSettings[Name] | null };

const QUEUE_SETTINGS = [
  'paused',
  'maxDepth',
  'maxConcurrency',
  'maxConcurrencyPerGroup',
  'rateLimit',
  'priorityAgeing',
  'outageGuard',
  'outage',
] as const satisfies readonly (keyof QueueSettings)[];

/** The settings after a change. Unset and false members are omitted. */
export function changeSettings(settings: QueueSettings, change: QueueSettingsChange): QueueSettings {
  const changed: Record<string, unknown> = {};
  for (const name of QUEUE_SETTINGS) {
    const value = change[name] === undefined ? settings[name] : change[name];
    if (value !== undefined && value !== null && value !== false) changed[name] = value;
  }
  return changed;
}

/** Whether these settings can make a claim skip a ready task. */
export function holdsBack(settings: QueueSettings): boolean {
  const { paused, maxConcurrency, maxConcurrencyPerGroup, rateLimit } = settings;
  const limits = [paused, maxConcurrency, maxConcurrencyPerGroup, rateLimit];
  return hasOutage(settings) || limits.some((limit) => limit !== undefined);
}

/** Whether the queue is in an outage: claims are probes, one a second. */
export function hasOutage({ outage }: QueueSettings): boolean {
  return isOngoing(outage);
}

/** The guard of a queue; `undefined` when it is off. */
export function guardOf({ outageGuard = DEFAULT_OUTAGE_GUARD }: QueueSettings): OutageGuard | undefined {
  return outageGuard === 'off' ? undefined : outageGuard;
}
