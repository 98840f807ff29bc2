/** The promise about limits: so many tasks of a group are held at an instant, and no more. */
import type { Ms } from './history.js';
import { at, heldUntil } from './history.task-rules.js';
import type { Stories, TaskStory } from './history.tasks.js';

/** The time in which a task was certainly held: it may have begun earlier, and ended later. */
interface Hold {
  readonly group: string;
  readonly from: Ms;
  readonly until: Ms;
}

/** The most that were certainly held at one instant. */
export interface Peak {
  readonly group: string;
  readonly held: number;
  readonly at: Ms;
}

/** INV-27: no group is above the limit, at no instant. */
export function withinLimit(peaks: readonly Peak[], limit: number): readonly string[] {
  return peaks
    .filter(({ held }) => held > limit)
    .map((peak) => `group ${peak.group} had ${peak.held} at ${at(peak.at)}, ${limit} are allowed`);
}

/** The peak of each group that ever had a task in hand. */
export function peaksOf(stories: Stories): readonly Peak[] {
  const holds = [...stories.tasks.values()].flatMap((story) => holdsOf(story, stories));
  const byGroup = new Map<string, Hold[]>();
  for (const hold of holds) {
    const ofGroup = byGroup.get(hold.group) ?? [];
    byGroup.set(hold.group, ofGroup);
    ofGroup.push(hold);
  }
  return [...byGroup].map(([group, ofGroup]) => ({ group, ...peakOf(ofGroup) }));
}

function holdsOf(story: TaskStory, { clears }: Stories): Hold[] {
  const group = story.enqueues[0]?.group;
  if (group === undefined || story.mayBeUndone) return [];
  const enders = [...story.cancels, ...clears];
  return story.leases.flatMap((lease) => {
    const reports = story.ends.filter(({ token }) => token === undefined || token === lease.token);
    const endings = [...reports, ...enders].filter(({ res, t1 }) => res === 'info' || t1 > lease.t0);
    const until = Math.min(heldUntil(lease, story, Infinity), ...endings.map(({ t0 }) => t0));
    return until > lease.t1 ? [{ group, from: lease.t1, until }] : [];
  });
}

function peakOf(holds: readonly Hold[]): Omit<Peak, 'group'> {
  const steps = holds.flatMap(({ from, until }) => [
    { time: from, by: 1 },
    { time: until, by: -1 },
  ]);
  // At the same instant what ends makes room first.
  steps.sort((a, b) => a.time - b.time || a.by - b.by);
  let held = 0;
  let peak = { held: 0, at: 0 };
  for (const { time, by } of steps) {
    held += by;
    if (held > peak.held) peak = { held, at: time };
  }
  return peak;
}
