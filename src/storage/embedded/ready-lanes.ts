import type { Instant, Seconds } from '../../task/clock.js';
import type { Offer, Signature } from '../../task/requirements.js';
import { RankedSet } from './ranked-set.js';
import { RequirementRings, type Ring } from './requirement-rings.js';
import type { TaskNumber } from './task-number.js';

/** The lane in which a task waits. */
export interface Lane {
  readonly priority: number;
  /** Empty for none. */
  readonly group: string;
  readonly signature: Signature;
}

/** The ready tasks of a group at one priority with equal requirements, oldest first. */
interface ReadyLane {
  readonly group: GroupLanes;
  readonly signature: Signature;
  readonly numbers: RankedSet;
  /**
   * Position in the ring: the group's turn when the lane was last placed. Undefined while the lane is out of the ring
   * because its group is at its limit.
   */
  turn: number | undefined;
}

/** The waiting tasks of a group at one priority. */
interface GroupLanes {
  readonly group: string;
  readonly level: Level;
  /** Position among the groups; the smallest is next. */
  turn: number;
  size: number;
  readonly lanes: Map<Signature, ReadyLane>;
  /** Its tasks with requirements. */
  readonly demanding: RankedSet;
}

/** The waiting tasks of one priority. */
interface Level {
  readonly priority: number;
  readonly groups: Map<string, GroupLanes>;
  /** Per signature, the lanes with ready tasks whose group is below its limit. */
  readonly rings: RequirementRings<ReadyLane>;
  /** Tasks with a group or requirements. All other tasks are in one lane. */
  readonly laned: RankedSet;
  size: number;
}

/** A task that the worker may claim. */
export interface Candidate extends Lane {
  readonly number: TaskNumber;
}

/** The ready tasks of a lane. */
export interface LaneDump extends Lane {
  readonly numbers: Float64Array;
}

/** Terms of priority ageing: the waiting time worth one point, and the accept time of each task. */
export interface Ageing {
  readonly perPoint: Seconds;
  readonly createdAt: (number: TaskNumber) => Instant;
}

/** The next tasks for a worker, in sequence. Remove each from its lane before asking for the next. */
export interface Picks {
  next(): Candidate | undefined;
}

/** Levels that a position examines; in levels beyond, it counts all tasks. */
const LEVELS_LOOKED_THROUGH = 64;
/** Lanes of its own level that a position examines. With more lanes, it counts all tasks of the other levels. */
const LANES_LOOKED_AT = 64;

/** The place of a task in its level. */
interface LevelRank {
  readonly number: TaskNumber;
  readonly group: GroupLanes;
  /** Number of older tasks in its group. */
  readonly rank: number;
}

/**
 * The ready tasks of a queue: a level per priority, in it a lane per group and signature, and a ring of lanes per
 * signature. Finding the next task looks at the first lane of each ring that the worker's labels satisfy. Its cost does
 * not depend on the number of tasks or groups, or on other requirements.
 *
 * When a group is served or reaches its limit, its lanes keep their places in the rings. The next pick that meets such
 * a lane corrects it. Turns only grow, so a pick meets a lane too early rather than too late.
 */
export class ReadyLanes {
  /** Highest priority first. */
  private readonly levels: Level[] = [];
  /** Lanes outside their rings, by group. */
  private readonly out = new Map<string, Set<ReadyLane>>();
  private lastTurn = 0;

  /** @param isFull whether a group is at its limit */
  constructor(private readonly isFull: (group: string) => boolean = () => false) {}

  /** The lanes that `dump` returned. Groups take turns by the age of their oldest tasks, as if the tasks were added again. */
  load(lanes: readonly LaneDump[]): void {
    const oldestFirst = lanes.toSorted((one, other) => (one.numbers[0] ?? 0) - (other.numbers[0] ?? 0));
    for (const { priority, group: name, signature, numbers } of oldestFirst) {
      const level = this.levelOf(priority);
      const group = level.groups.get(name) ?? this.addGroup(level, name);
      const lane = this.addLane(group, signature, RankedSet.of(numbers));
      group.size += numbers.length;
      level.size += numbers.length;
      if (signature !== '') for (const number of numbers) group.demanding.add(number);
      if (isLaned(lane)) for (const number of numbers) level.laned.add(number);
    }
  }

  dump(): LaneDump[] {
    return this.levels.flatMap(({ priority, groups }) =>
      Array.from(groups.values(), ({ group, lanes }) =>
        Array.from(lanes.values(), ({ signature, numbers }) => ({
          priority,
          group,
          signature,
          numbers: numbers.keys(),
        })),
      ).flat(),
    );
  }

  add({ priority, group: name, signature }: Lane, number: TaskNumber): void {
    const level = this.levelOf(priority);
    const group = level.groups.get(name) ?? this.addGroup(level, name);
    const lane = group.lanes.get(signature) ?? this.addLane(group, signature);
    if (!lane.numbers.add(number)) return;
    if (signature !== '') group.demanding.add(number);
    if (isLaned(lane)) level.laned.add(number);
    group.size += 1;
    level.size += 1;
  }

  delete({ priority, group: name, signature }: Lane, number: TaskNumber): void {
    const level = this.level(priority);
    const group = level?.groups.get(name);
    const lane = group?.lanes.get(signature);
    if (level === undefined || group === undefined || !lane?.numbers.delete(number)) return;
    if (signature !== '') group.demanding.delete(number);
    if (isLaned(lane)) level.laned.delete(number);
    group.size -= 1;
    level.size -= 1;
    if (lane.numbers.size === 0) this.removeLane(lane);
    if (group.size === 0) level.groups.delete(name);
    if (level.size === 0) this.levels.splice(this.indexOf(priority), 1);
  }

  /** Removes a task whose lane is unknown. */
  deleteAnywhere(number: TaskNumber): void {
    for (const { priority, groups } of [...this.levels]) {
      for (const { group, lanes } of [...groups.values()])
        for (const signature of [...lanes.keys()]) this.delete({ priority, group, signature }, number);
    }
  }

  /** The next tasks for a worker; with ageing, from the most urgent levels. */
  picks(offer: Offer, ageing?: Ageing): Picks {
    return ageing === undefined ? { next: () => this.next(offer) } : this.agedPicks(offer, ageing);
  }

  /** The next task for a worker, from the highest level that has one. */
  next(offer: Offer): Candidate | undefined {
    for (const level of this.levels) {
      const candidate = this.nextOf(level, offer);
      if (candidate !== undefined) return candidate;
    }
    return undefined;
  }

  /** Removes a task and moves its group to the end of the round. */
  serve(candidate: Candidate): void {
    const level = this.level(candidate.priority);
    const group = level?.groups.get(candidate.group);
    // A single group is both first and last.
    const hasOthers = level !== undefined && level.groups.size > 1;
    this.delete(candidate, candidate.number);
    if (group !== undefined && group.size > 0 && hasOthers) group.turn = this.nextTurn();
  }

  /** Returns a group's lanes to their rings when the group is below its limit again. */
  readmit(group: string): void {
    const lanes = this.out.get(group);
    if (lanes === undefined || this.isFull(group)) return;
    this.out.delete(group);
    for (const lane of lanes) enter(this.ringOf(lane), lane);
  }

  /** The same for every group after a change of the limit. */
  readmitAll(): void {
    for (const group of [...this.out.keys()]) this.readmit(group);
  }

  /** The latest claim that gets the task, counted from the next one; `undefined` when the task is not ready. */
  position(lane: Lane, number: TaskNumber, ageing?: Ageing): number | undefined {
    const level = this.level(lane.priority);
    const group = level?.groups.get(lane.group);
    if (level === undefined || !group?.lanes.get(lane.signature)?.numbers.has(number)) return undefined;
    const rank = (group.lanes.get('')?.numbers.rank(number) ?? 0) + group.demanding.rank(number);
    const own = Math.min((rank + 1) * level.groups.size, level.size);
    if (ageing !== undefined) return own + this.countAhead(level, { rank, number, group }, ageing);
    let higher = 0;
    for (const { priority, size } of this.levels) {
      if (priority <= lane.priority) break;
      higher += size;
    }
    return higher + own;
  }

  /**
   * With ageing: how many tasks of other levels may be claimed first. These are more urgent than the least urgent task
   * that precedes this one in its own level.
   */
  private countAhead(own: Level, ranked: LevelRank, ageing: Ageing): number {
    const until = this.leastUrgency(own, ranked, ageing);
    let count = 0;
    let searches = LEVELS_LOOKED_THROUGH;
    for (const level of this.levels) {
      if (level === own) continue;
      const isAhead = (number: TaskNumber) => {
        const urgency = urgencyOf(level.priority, ageing.createdAt(number), ageing);
        return urgency > until || (urgency === until && level.priority > own.priority);
      };
      for (const numbers of [level.groups.get('')?.lanes.get('')?.numbers, level.laned]) {
        const last = numbers?.last();
        if (numbers === undefined || last === undefined || !isAhead(numbers.first() ?? last)) continue;
        const isSearched = searches > 0 && !isAhead(last);
        if (isSearched) searches -= 1;
        count += isSearched ? countFirst(numbers, isAhead) : numbers.size;
      }
    }
    return count;
  }

  /** The least urgency among this task and those before it in its level. */
  private leastUrgency(level: Level, { rank, number, group }: LevelRank, ageing: Ageing): number {
    let least = urgencyOf(level.priority, ageing.createdAt(number), ageing);
    let looks = LANES_LOOKED_AT;
    for (const other of level.groups.values()) {
      if (other === group) continue;
      for (const { numbers } of other.lanes.values()) {
        if (looks === 0) return -Infinity;
        looks -= 1;
        const last = numbers.at(Math.min(rank, numbers.size - 1)) ?? number;
        least = Math.min(least, urgencyOf(level.priority, ageing.createdAt(last), ageing));
      }
    }
    return least;
  }

  private agedPicks(offer: Offer, ageing: Ageing): Picks {
    interface Head {
      readonly level: Level;
      readonly candidate: Candidate;
      readonly urgency: number;
    }
    const headOf = (level: Level): Head | undefined => {
      const candidate = level.size === 0 ? undefined : this.nextOf(level, offer);
      if (candidate === undefined) return undefined;
      const createdAt = ageing.createdAt(candidate.number);
      return { level, candidate, urgency: urgencyOf(level.priority, createdAt, ageing) };
    };
    // Highest priority first. Picks change only the picked lanes and those of groups that become full.
    let heads: (Head | undefined)[] | undefined;
    let picked = -1;
    const next = (): Candidate | undefined => {
      heads ??= this.levels.map(headOf);
      for (let stale = picked; ; stale = picked) {
        const before = heads[stale];
        if (before !== undefined) heads[stale] = headOf(before.level);
        picked = mostUrgent(heads);
        const best = heads[picked];
        if (best === undefined) return undefined;
        if (picked === stale || !this.isFull(best.candidate.group)) return best.candidate;
      }
    };
    return { next };
  }

  private nextOf(level: Level, offer: Offer): Candidate | undefined {
    const rings = level.rings.satisfiedBy(offer);
    let first: ReadyLane | undefined;
    for (const ring of rings) {
      const lane = this.firstOf(ring);
      if (lane !== undefined && lane.group.turn < (first?.group.turn ?? Infinity)) first = lane;
    }
    if (first === undefined) return undefined;
    const { group } = first;
    let oldest: Candidate | undefined;
    for (const { signature } of rings) {
      const number = group.lanes.get(signature)?.numbers.first() ?? Infinity;
      if (number < (oldest?.number ?? Infinity))
        oldest = { priority: level.priority, group: group.group, signature, number };
    }
    return oldest;
  }

  /** The next lane of a ring. Moves misplaced lanes that it meets to their places. */
  private firstOf(ring: Ring<ReadyLane>): ReadyLane | undefined {
    for (;;) {
      const turn = ring.turns.first();
      const lane = turn === undefined ? undefined : ring.lanes.get(turn);
      if (lane === undefined) return undefined;
      const isFull = this.isFull(lane.group.group);
      if (!isFull && lane.group.turn === turn) return lane;
      leave(ring, lane);
      if (isFull) this.setAside(lane);
      else enter(ring, lane);
    }
  }

  private setAside(lane: ReadyLane): void {
    const { group } = lane.group;
    const lanes = this.out.get(group);
    if (lanes === undefined) this.out.set(group, new Set([lane]));
    else lanes.add(lane);
  }

  private addGroup(level: Level, name: string): GroupLanes {
    const group: GroupLanes = {
      group: name,
      level,
      turn: this.nextTurn(),
      size: 0,
      lanes: new Map(),
      demanding: new RankedSet(),
    };
    level.groups.set(name, group);
    return group;
  }

  private addLane(group: GroupLanes, signature: Signature, numbers = new RankedSet()): ReadyLane {
    const lane: ReadyLane = { group, signature, numbers, turn: undefined };
    group.lanes.set(signature, lane);
    const ring = this.ringOf(lane);
    ring.size += 1;
    enter(ring, lane);
    return lane;
  }

  private removeLane(lane: ReadyLane): void {
    const { group, signature } = lane;
    group.lanes.delete(signature);
    const ring = this.ringOf(lane);
    leave(ring, lane);
    ring.size -= 1;
    if (ring.size === 0) group.level.rings.remove(signature);
    const aside = this.out.get(group.group);
    if (aside?.delete(lane) && aside.size === 0) this.out.delete(group.group);
  }

  private ringOf({ group, signature }: ReadyLane): Ring<ReadyLane> {
    return group.level.rings.ringOf(signature, () => new RankedSet());
  }

  private nextTurn(): number {
    this.lastTurn += 1;
    return this.lastTurn;
  }

  private levelOf(priority: number): Level {
    const known = this.level(priority);
    if (known !== undefined) return known;
    const level: Level = {
      priority,
      groups: new Map(),
      rings: new RequirementRings(),
      laned: new RankedSet(),
      size: 0,
    };
    this.levels.splice(this.indexOf(priority), 0, level);
    return level;
  }

  private level(priority: number): Level | undefined {
    const level = this.levels[this.indexOf(priority)];
    return level?.priority === priority ? level : undefined;
  }

  /** Index of the level, or its insertion position. */
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

/** Priority and age as one number, in milliseconds. All tasks age at the same speed, so the order never changes. */
function urgencyOf(priority: number, createdAt: Instant, { perPoint }: Ageing): number {
  return priority * perPoint * 1000 - createdAt;
}

/** The first entry with the greatest urgency; -1 when there is none. */
function mostUrgent(heads: readonly ({ readonly urgency: number } | undefined)[]): number {
  let best = -1;
  let most = -Infinity;
  for (const [index, head] of heads.entries()) {
    if (head === undefined || head.urgency <= most) continue;
    best = index;
    most = head.urgency;
  }
  return best;
}

/** Length of the prefix that satisfies `isSo`; no number after it does. */
function countFirst(numbers: RankedSet, isSo: (number: TaskNumber) => boolean): number {
  let low = 0;
  let high = numbers.size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSo(numbers.at(middle) ?? Infinity)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isLaned({ group, signature }: ReadyLane): boolean {
  return group.group !== '' || signature !== '';
}

/** Inserts a lane at its position in its ring. */
function enter(ring: Ring<ReadyLane>, lane: ReadyLane): void {
  const { turn } = lane.group;
  lane.turn = turn;
  ring.turns.add(turn);
  ring.lanes.set(turn, lane);
}

function leave(ring: Ring<ReadyLane>, lane: ReadyLane): void {
  if (lane.turn === undefined) return;
  ring.turns.delete(lane.turn);
  ring.lanes.delete(lane.turn);
  lane.turn = undefined;
}
