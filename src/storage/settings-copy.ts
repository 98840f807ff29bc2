import { isDeepStrictEqual } from 'node:util';
import type { TaskStore } from './task-store.js';

/**
 * Copies the settings of queues. Existing settings are not overwritten.
 *
 * @returns names of settings that differ in the target
 */
export async function copySettings(from: TaskStore, to: TaskStore): Promise<readonly string[]> {
  const different: string[] = [];
  for (const { queue, settings } of await from.settings.all()) {
    const there = await to.settings.of(queue);
    const isFree = Object.keys(there).length === 0;
    const now = isFree ? await to.settings.change(queue, settings) : there;
    if (!isDeepStrictEqual(now, settings)) different.push(`settings of ${queue}`);
  }
  return different;
}
