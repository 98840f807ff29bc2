import type { Seconds } from './clock.js';
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
}

/** A settings change: absent members stay as they are, `null` removes a setting. */
export type QueueSettingsChange = { readonly [Name in keyof QueueSettings]?: QueueSettings[Name] | null };

export const QUEUE_SETTINGS = [
  'paused',
  'maxDepth',
  'maxConcurrency',
  'maxConcurrencyPerGroup',
  'rateLimit',
  'priorityAgeing',
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
  return [paused, maxConcurrency, maxConcurrencyPerGroup, rateLimit].some((limit) => limit !== undefined);
}
