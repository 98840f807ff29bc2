/**
 * Plays a story against the machine, as a service with one task would, and writes down what happened. It keeps its
 * own simple book of who may hold the task, so that the machine is not its own judge.
 */
import type { Instant, Moment } from '../../../src/task/clock.js';
import { TaskError } from '../../../src/task/task.errors.js';
import {
  cancel,
  claim,
  complete,
  create,
  fail,
  heartbeat,
  redrive,
  release,
  reprioritize,
  type Transition,
  tick,
} from '../../../src/task/task.machine.js';
import type { Attempt, Task, TransitionType } from '../../../src/task/task.js';
import { at, FakeClock } from '../../support/task.builders.js';
import type { Action, LeaseChoice, Story } from './history.arbitrary.js';

/** The grace of the service, in seconds. */
const GRACE = 1;

/** One write of the task. */
export interface Entry {
  readonly before: Task | undefined;
  readonly after: Task;
  /** As in the table of docs/lifecycle.md. */
  readonly command: string;
  readonly event: TransitionType | 'none';
  readonly ended?: Attempt;
  /** The lease that the command named. */
  readonly leaseId?: string;
  /** The leases that the book calls valid just before the command. */
  readonly holders: readonly string[];
  readonly now: Moment;
}

interface Grant {
  readonly length: number;
  until: Instant;
  isOver: boolean;
}

export class History {
  readonly entries: Entry[] = [];
  /** Every lease ever granted, in order. */
  readonly leaseIds: string[] = [];
  readonly clock = new FakeClock(0);
  private readonly book = new Map<string, Grant>();
  private current: Task;
  /** When all attempts must be over, on the wall. */
  private deadline = Infinity;

  constructor(private readonly story: Story) {
    const transition = create(story.spec, this.clock.now());
    this.noteDeadline();
    this.current = freeze(transition.task);
    const { task, type } = transition;
    this.entries.push({
      before: undefined,
      after: task,
      command: 'enqueue',
      event: type,
      holders: [],
      now: at(0),
    });
  }

  get task(): Task {
    return this.current;
  }

  /** The leases that the book calls valid now. */
  holders(): string[] {
    const { steady } = this.clock.now();
    return [...this.book].filter(([, held]) => !held.isOver && held.until > steady).map(([id]) => id);
  }

  /** Plays all actions; `check` is called after each. */
  play(check: (history: History) => void): this {
    for (const action of this.story.actions) {
      try {
        this.act(action);
      } catch (error) {
        // A refusal is a fine answer; everything is frozen, so it cannot have changed the task.
        if (!(error instanceof TaskError)) throw error;
      }
      check(this);
    }
    return this;
  }

  private act(action: Action): void {
    switch (action.kind) {
      case 'wait':
        return this.clock.advance(action.milliseconds);
      case 'setWall':
        return this.clock.setWall(Math.max(0, this.clock.now().wall + action.shift));
      case 'time':
        return this.write('time', tick(this.task, this.clock.now()));
      case 'claim':
        return this.claim(action.lease);
      case 'heartbeat':
        return this.heartbeat(this.choose(action.choice), action.extend);
      case 'complete':
        return this.report('complete', action.choice, (leaseId, now) =>
          complete(this.task, { leaseId }, now),
        );
      case 'fail': {
        const command = action.outcome === 'lost' ? 'fail (lost)' : 'fail';
        return this.report(command, action.choice, (leaseId, now) =>
          fail(this.task, { ...action, leaseId }, now),
        );
      }
      case 'release':
        return this.report('release', action.choice, (leaseId, now) =>
          release(this.task, { leaseId: leaseId ?? 'none', delay: action.delay }, now),
        );
      case 'cancel':
        return this.write('cancel', cancel(this.task, undefined, this.clock.now()));
      case 'reprioritize':
        return this.write('reprioritize', reprioritize(this.task, action.priority, this.clock.now()));
      case 'redrive':
        this.write('redrive', redrive(this.task, this.clock.now()));
        return this.noteDeadline();
    }
  }

  /** As a store does it: what is due happens first, and only a ready task is handed out. */
  private claim(length: number | undefined): void {
    const now = this.clock.now();
    for (let transition = tick(this.task, now); transition; transition = tick(this.task, now))
      this.write('time', transition);
    if (this.task.state !== 'queued') return;
    const leaseId = `lease-${String(this.leaseIds.length + 1)}`;
    this.write('claim', claim(this.task, { leaseId, lease: length, grace: GRACE }, now), leaseId);
    const seconds = length ?? this.story.spec.timeout + GRACE;
    this.leaseIds.push(leaseId);
    this.book.set(leaseId, {
      length: seconds,
      until: this.cut(now.steady + seconds * 1000, now),
      isOver: false,
    });
  }

  private heartbeat(leaseId: string, extend: number | undefined): void {
    const now = this.clock.now();
    const after = heartbeat(this.task, { leaseId, extend }, now);
    this.enter({ after, command: 'heartbeat', event: 'none', leaseId });
    const held = this.book.get(leaseId);
    if (held) held.until = this.cut(Math.max(held.until, now.steady + (extend ?? held.length) * 1000), now);
  }

  private noteDeadline(): void {
    this.deadline = this.clock.now().wall + (this.story.spec.deadline ?? Infinity) * 1000;
  }

  /** No lease outlasts the deadline. */
  private cut(until: Instant, { wall, steady }: Moment): Instant {
    return Math.min(until, steady + this.deadline - wall);
  }

  private report(
    command: string,
    choice: LeaseChoice,
    run: (leaseId: string | undefined, now: Moment) => Transition | undefined,
  ): void {
    const leaseId = choice === 'none' ? undefined : this.choose(choice);
    this.write(command, run(leaseId, this.clock.now()), leaseId);
  }

  private choose(choice: LeaseChoice): string {
    const back = choice === 'none' ? 0 : choice;
    return this.leaseIds.at(-1 - back) ?? 'never-granted';
  }

  private write(command: string, transition: Transition | undefined, leaseId?: string): void {
    if (!transition) return;
    this.enter({ after: transition.task, command, event: transition.type, ended: transition.ended, leaseId });
    for (const held of this.book.values()) held.isOver = true;
  }

  private enter(entry: Omit<Entry, 'before' | 'holders' | 'now'>): void {
    this.entries.push({ ...entry, before: this.task, holders: this.holders(), now: this.clock.now() });
    this.current = freeze(entry.after);
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}
