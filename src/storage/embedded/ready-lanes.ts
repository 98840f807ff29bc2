import type { Offer, Signature } from '../../task/requirements.js';
import { RankedSet } from './ranked-set.js';
import type { TaskNumber } from './task-number.js';

/** Where a task waits. */
export interface Lane {
  readonly priority: number;
  /** Empty for none. */
  readonly group: string;
  readonly signature: Signature;
}

/** What waits of a group at one priority. */
interface GroupLanes {
  readonly group: string;
  /** Its place among the groups: the smallest is next. */
  turn: number;
  size: number;
  /** By what the tasks require, oldest first. Few groups require more than one thing. */
  readonly lanes: { readonly signature: Signature; readonly numbers: RankedSet }[];
}

/** What waits at one priority. */
interface Level {
  readonly priority: number;
  readonly groups: Map<string, GroupLanes>;
  readonly byTurn: Map<number, GroupLanes>;
  /** For each signature, the turns of the groups that have something ready and are not held back. */
  readonly rings: Map<Signature, RankedSet>;
  size: number;
}

/** A task that may be taken. */
export interface Candidate extends Lane {
  readonly number: TaskNumber;
}

/** The value of handing out a task of this priority now. */
export type Urgency = (priority: number, number: TaskNumber) => number;

/**
 * The ready tasks of a queue: a level for each priority, in it a lane for each group and signature, and a ring of the
 * lanes for each signature. Finding the next task takes a look at the first lane of each ring at each level that is in
 * use, so it does not depend on how many tasks or groups there are.
 */
export class ReadyLanes {
  /** Highest priority first. */
  private readonly levels: Level[] = [];
  private readonly parked = new Set<string>();
  private lastTurn = 0;

  add(lane: Lane, number: TaskNumber): void {
    const level = this.levelOf(lane.priority);
    const group = level.groups.get(lane.group) ?? this.addGroup(level, lane.group);
    let tasks = group.lanes.find(({ signature }) => signature === lane.signature)?.numbers;
    if (tasks === undefined) {
      tasks = new RankedSet();
      group.lanes.push({ signature: lane.signature, numbers: tasks });
      if (!this.parked.has(lane.group)) ringOf(level, lane.signature).add(group.turn);
    }
    if (!tasks.add(number)) return;
    group.size += 1;
    level.size += 1;
  }

  delete(lane: Lane, number: TaskNumber): void {
    const level = this.level(lane.priority);
    const group = level?.groups.get(lane.group);
    const place = group?.lanes.findIndex(({ signature }) => signature === lane.signature) ?? -1;
    const numbers = group?.lanes[place]?.numbers;
    if (level === undefined || group === undefined || !numbers?.delete(number)) return;
    group.size -= 1;
    level.size -= 1;
    if (numbers.size === 0) {
      group.lanes.splice(place, 1);
      leaveRing(level, lane.signature, group.turn);
    }
    if (group.size === 0) {
      level.groups.delete(group.group);
      level.byTurn.delete(group.turn);
    }
    if (level.size === 0) this.levels.splice(this.indexOf(lane.priority), 1);
  }

  /** The next task for a worker; with `urgency` the one of the level that is most urgent. */
  next(offer: Offer, urgency?: Urgency): Candidate | undefined {
    let best: Candidate | undefined;
    let most = -Infinity;
    for (const level of this.levels) {
      const candidate = nextOf(level, offer);
      if (candidate === undefined) continue;
      if (urgency === undefined) return candidate;
      const value = urgency(level.priority, candidate.number);
      if (value > most) [best, most] = [candidate, value];
    }
    return best;
  }

  /** Takes a task out, and sends its group to the end of the round. */
  serve(candidate: Candidate): void {
    const level = this.level(candidate.priority);
    const group = level?.groups.get(candidate.group);
    // Alone it is first and last.
    const hasOthers = level !== undefined && level.groups.size > 1;
    this.delete(candidate, candidate.number);
    if (level === undefined || group === undefined || group.size === 0 || !hasOthers) return;
    for (const { signature } of group.lanes) leaveRing(level, signature, group.turn);
    level.byTurn.delete(group.turn);
    this.giveTurn(level, group);
    this.enterRings(level, group);
  }

  /** Holds the tasks of a group back. They keep their turns. */
  park(group: string): void {
    if (this.parked.has(group)) return;
    this.parked.add(group);
    this.eachLevelOf(group, (level, { turn, lanes }) => {
      for (const { signature } of lanes) leaveRing(level, signature, turn);
    });
  }

  unpark(group: string): void {
    if (!this.parked.delete(group)) return;
    this.eachLevelOf(group, (level, lanes) => {
      this.enterRings(level, lanes);
    });
  }

  /** Groups that are held back. */
  get parkedGroups(): readonly string[] {
    return [...this.parked];
  }

  /** After how many claims the task is handed out at the latest; `undefined` when it is not here. */
  position(lane: Lane, number: TaskNumber): number | undefined {
    const level = this.level(lane.priority);
    const group = level?.groups.get(lane.group);
    const own = group?.lanes.find(({ signature }) => signature === lane.signature);
    if (level === undefined || group === undefined || !own?.numbers.has(number)) return undefined;
    let higher = 0;
    for (const { priority, size } of this.levels) {
      if (priority <= lane.priority) break;
      higher += size;
    }
    let rank = 0;
    for (const { numbers } of group.lanes) rank += numbers.rank(number);
    return higher + Math.min((rank + 1) * level.groups.size, level.size);
  }

  private addGroup(level: Level, name: string): GroupLanes {
    const group: GroupLanes = { group: name, turn: 0, size: 0, lanes: [] };
    level.groups.set(name, group);
    this.giveTurn(level, group);
    return group;
  }

  private giveTurn(level: Level, group: GroupLanes): void {
    this.lastTurn += 1;
    group.turn = this.lastTurn;
    level.byTurn.set(group.turn, group);
  }

  private enterRings(level: Level, { group, turn, lanes }: GroupLanes): void {
    if (this.parked.has(group)) return;
    for (const { signature } of lanes) ringOf(level, signature).add(turn);
  }

  private eachLevelOf(group: string, act: (level: Level, lanes: GroupLanes) => void): void {
    for (const level of this.levels) {
      const lanes = level.groups.get(group);
      if (lanes !== undefined) act(level, lanes);
    }
  }

  private levelOf(priority: number): Level {
    const known = this.level(priority);
    if (known !== undefined) return known;
    const level: Level = { priority, groups: new Map(), byTurn: new Map(), rings: new Map(), size: 0 };
    this.levels.splice(this.indexOf(priority), 0, level);
    return level;
  }

  private level(priority: number): Level | undefined {
    const level = this.levels[this.indexOf(priority)];
    return level?.priority === priority ? level : undefined;
  }

  /** Where the level is, or would be. */
  private indexOf(priority: number): number {
    let low = 0;
    let high = this.levels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.levels[middle]?.priority ?? -Infinity) > priority) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function nextOf(level: Level, offer: Offer): Candidate | undefined {
  let turn = Infinity;
  for (const [signature, ring] of level.rings) {
    const first = ring.first() ?? Infinity;
    if (first < turn && offer.satisfies(signature)) turn = first;
  }
  const group = level.byTurn.get(turn);
  if (group === undefined) return undefined;
  let oldest: Candidate | undefined;
  for (const { signature, numbers } of group.lanes) {
    const number = numbers.first() ?? Infinity;
    if (number >= (oldest?.number ?? Infinity) || !offer.satisfies(signature)) continue;
    oldest = { priority: level.priority, group: group.group, signature, number };
  }
  return oldest;
}

function ringOf(level: Level, signature: Signature): RankedSet {
  const known = level.rings.get(signature);
  if (known !== undefined) return known;
  const ring = new RankedSet();
  level.rings.set(signature, ring);
  return ring;
}

function leaveRing(level: Level, signature: Signature, turn: number): void {
  const ring = level.rings.get(signature);
  ring?.delete(turn);
  if (ring?.size === 0) level.rings.delete(signature);
}
