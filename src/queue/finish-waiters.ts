import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ParkedRequest, Parking } from '../runtime/parking.js';
import { TaskStore } from '../storage/task-store.js';
import type { TransitionSummary } from '../storage/transitions.js';
import type { Seconds } from '../task/clock.js';
import { isFinished, type Task } from '../task/task.js';
import { isFinalState } from '../task/task-state.js';
import type { Caller } from './caller.js';
import { RollCall } from './roll-call.js';

interface ParkedRead {
  readonly id: string;
  readonly request: ParkedRequest<Task | undefined>;
}

/** Parks reads that wait for the end of a task. */
@Injectable()
export class FinishWaiters implements OnModuleDestroy {
  private readonly reads = new Map<string, Set<ParkedRead>>();
  private readonly roll = new RollCall<ParkedRead>((read) => this.look(read));
  /** The store generation at the last check. */
  private generation: number;
  private isClosed = false;
  private count = 0;

  constructor(
    private readonly store: TaskStore,
    private readonly parking: Parking,
  ) {
    this.generation = store.generation;
    store.watch({
      onTransitions: (transitions) => {
        this.receive(transitions);
      },
      onLimitsRelaxed: () => {
        // A clear removes tasks without a transition. A change of settings affects no read.
        if (store.generation !== this.generation) this.lookUp();
      },
      onGap: () => {
        this.lookUp();
      },
    });
  }

  /** The number of parked reads. */
  get size(): number {
    return this.count;
  }

  /**
   * Resolves with the ended task. When `wait` is over, the client disconnects or the service closes, it resolves with
   * the current task. It resolves with `undefined` if the task does not exist.
   *
   * @throws ProblemError `too_many_waiters`
   */
  async findEnded(id: string, wait: Seconds, caller: Caller): Promise<Task | undefined> {
    if (this.isClosed) return this.store.find(id);
    const request = this.parking.park<Task | undefined>({
      wait,
      caller,
      timeOut: () => {
        this.giveUp(read);
      },
      left: () => {
        this.remove(read);
      },
    });
    const read: ParkedRead = { id, request };
    this.add(read);
    // Parked first and checked then, so that the task cannot end in between.
    void this.look(read);
    return request.answer;
  }

  onModuleDestroy(): void {
    this.isClosed = true;
    for (const read of this.everybody()) this.giveUp(read);
  }

  private receive(transitions: readonly TransitionSummary[]): void {
    if (this.count === 0) return;
    for (const { id, state } of transitions) {
      if (isFinalState(state)) for (const read of this.reads.get(id) ?? []) void this.look(read);
    }
  }

  /** Transitions were missed, or will be. */
  private lookUp(): void {
    this.generation = this.store.generation;
    if (this.store.isAvailable) {
      this.roll.begin(this.everybody());
      return;
    }
    for (const { request } of this.everybody()) request.rejectUnavailable();
  }

  /** Answers a read if its task has ended. A task that was redriven since keeps it parked. */
  private async look(read: ParkedRead): Promise<void> {
    if (!read.request.isParked) return;
    const answer = this.store.find(read.id);
    const isOver = await answer.then(
      (task) => task === undefined || isFinished(task),
      () => true,
    );
    if (isOver) read.request.leave(answer);
  }

  private giveUp(read: ParkedRead): void {
    if (read.request.isParked) read.request.leave(this.store.find(read.id));
  }

  private everybody(): ParkedRead[] {
    return [...this.reads.values()].flatMap((reads) => [...reads]);
  }

  private add(read: ParkedRead): void {
    this.count += 1;
    const reads = this.reads.get(read.id);
    if (reads === undefined) this.reads.set(read.id, new Set([read]));
    else reads.add(read);
  }

  private remove(read: ParkedRead): void {
    const reads = this.reads.get(read.id);
    if (reads?.delete(read)) this.count -= 1;
    if (reads?.size === 0) this.reads.delete(read.id);
  }
}
