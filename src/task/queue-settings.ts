import type { Seconds } from './clock.js';
import type { RateLimit } from './rate-limit.js';

/** How a queue hands out its tasks. A member that is absent limits nothing. */
export interface QueueSettings {
  /** Hands out nothing; tasks that are being worked on go on. */
  readonly paused?: boolean;
  /** Tasks that may wait. Whoever enqueues looks at it; stores only keep it. */
  readonly maxDepth?: number;
  /** Tasks in `processing`. */
  readonly maxConcurrency?: number;
  /** Tasks in `processing` of each group. Tasks without a group are not limited by it. */
  readonly maxConcurrencyPerGroup?: number;
  readonly rateLimit?: RateLimit;
  /** Seconds of waiting that are worth one point of priority. */
  readonly priorityAgeing?: Seconds;
}

/** What to change: absent members stay as they are, `null` takes a setting away. */
export type QueueSettingsChange = { readonly [Name in keyof QueueSettings]?: QueueSettings[Name] | null };

export const QUEUE_SETTINGS = [
  'paused',
  'maxDepth',
  'maxConcurrency',
  'maxConcurrencyPerGroup',
  'rateLimit',
  'priorityAgeing',
] as const satisfies readonly (keyof QueueSettings)[];

/** The settings after a change. What is as without a setting is left out. */
export function changeSettings(settings: QueueSettings, change: QueueSettingsChange): QueueSettings {
  const changed: Record<string, unknown> = {};
  for (const name of QUEUE_SETTINGS) {
    const value = change[name] === undefined ? settings[name] : change[name];
    if (value !== undefined && value !== null && value !== false) changed[name] = value;
  }
  return changed;
}

/** Whether anything is set that a claim has to look at. */
export function holdsBack(settings: QueueSettings): boolean {
  const { paused, maxConcurrency, maxConcurrencyPerGroup, rateLimit } = settings;
  return [paused, maxConcurrency, maxConcurrencyPerGroup, rateLimit].some((limit) => limit !== undefined);
}
