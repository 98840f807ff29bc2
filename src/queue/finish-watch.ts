import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ParkedRequest, Parking } from '../runtime/parking.js';
import { type Move, TaskStore } from '../storage/task-store.js';
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
export class FinishWatch implements OnModuleDestroy {
  private readonly reads = new Map<string, Set<ParkedRead>>();
  private readonly roll = new RollCall<ParkedRead>((read) => this.look(read));
  /** Of the store when it was looked at last. */
  private generation: number;
  private isClosed = false;
  private count = 0;

  constructor(
    private readonly store: TaskStore,
    private readonly parking: Parking,
  ) {
    this.generation = store.generation;
    store.watch({
      moved: (moves) => {
        this.seeMoves(moves);
      },
      loosened: () => {
        // A clear moves nothing: the tasks are gone. Settings hold up no read.
        if (store.generation !== this.generation) this.lookUp();
      },
      disturbed: () => {
        this.lookUp();
      },
    });
  }

  /** Reads that are parked now. */
  get size(): number {
    return this.count;
  }

  /**
   * Gives the task as soon as it has ended; as it is, when `wait` is over, the caller hangs up or the service closes;
   * `undefined` as soon as it is seen that there is none.
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
    // It is parked first and looks then, so the task cannot end between the two.
    void this.look(read);
    return request.answer;
  }

  onModuleDestroy(): void {
    this.isClosed = true;
    for (const read of this.everybody()) this.giveUp(read);
  }

  private seeMoves(moves: readonly Move[]): void {
    if (this.count === 0) return;
    for (const { id, state } of moves) {
      if (isFinalState(state)) for (const read of this.reads.get(id) ?? []) void this.look(read);
    }
  }

  /** Moves were missed, or will be. */
  private lookUp(): void {
    this.generation = this.store.generation;
    if (this.store.isAvailable) {
      this.roll.begin(this.everybody());
      return;
    }
    for (const { request } of this.everybody()) request.turnAway();
  }

  /** Lets a read go when its task has ended. One that was redriven since is waited for again. */
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
