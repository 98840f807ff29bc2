import { Injectable, Logger, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import type { Caller } from '../queue/caller.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { ParkedRequest, Parking } from '../runtime/parking.js';
import { StoreUnavailable, TaskStore } from '../storage/task-store.js';
import type { CommittedTransition } from '../storage/transitions.js';
import type { Seconds } from '../task/clock.js';
import { type StateCounts, isFinalState, countIn } from '../task/task-state.js';
import { type BatchNews, isDone } from './batch.js';
import { BatchService } from './batch.service.js';

/** Milliseconds. The minimum interval between two checks of a batch. */
const LOOK_MS = 100;
/** Milliseconds before the retry of a failed check. */
const RETRY_MS = 1_000;
/** Concurrent checks. A few slow ones, which cancel many tasks, must not delay the others. */
const AT_ONCE = 64;

interface ParkedRead {
  readonly id: string;
  readonly queues: readonly string[] | undefined;
  readonly request: ParkedRequest<undefined>;
}

export interface BatchWait {
  readonly wait: Seconds;
  /** The queues that the reader has access to; all by default. */
  readonly queues?: readonly string[];
}

/** Checks a batch after its tasks join, end or are redriven. Parks reads that wait for the end of a batch. */
@Injectable()
export class BatchChecker implements OnModuleDestroy, OnApplicationShutdown {
  private readonly logger = new Logger(BatchChecker.name);
  private readonly parked = new Set<ParkedRead>();
  /** Changes of batches since their last check. */
  private readonly news = new Map<string, BatchNews>();
  /** Batches that are due for a check. */
  private readonly ready = new Set<string>();
  private readonly looks = new Map<string, Promise<void>>();
  private readonly loop: BackgroundLoop;
  private isClosed = false;

  constructor(
    private readonly store: TaskStore,
    private readonly batches: BatchService,
    private readonly parking: Parking,
  ) {
    this.loop = new BackgroundLoop({
      clock: store.clock,
      // Not awaited: a slow check must not delay the others.
      pass: async () => {
        this.begin();
        return undefined;
      },
      longestMs: Infinity,
      failure: 'Checking batches failed',
      logger: this.logger,
    });
    this.loop.start(Infinity);
    store.onCommit((transitions) => {
      for (const transition of transitions) this.see(transition);
    });
    store.watch({
      onTransitions: (transitions) => {
        // Another process may have ended the last task; the notice does not contain the batch id.
        if (this.parked.size > 0 && transitions.some(({ state }) => isFinalState(state))) this.noteParked();
      },
      // A clear removes tasks of a batch without a transition.
      onLimitsRelaxed: () => {
        this.noteParked();
      },
      onGap: () => {
        if (store.isAvailable) {
          this.noteParked();
          if (this.news.size > 0) this.loop.wake(LOOK_MS);
        } else for (const { request } of this.parked) request.rejectUnavailable();
      },
    });
  }

  /** The number of parked reads. */
  get size(): number {
    return this.parked.size;
  }

  /**
   * Resolves when the batch is done in these queues, `wait` is over, the client disconnects or the service closes.
   *
   * @throws ProblemError `too_many_waiters`, or `store_unavailable` during an outage
   */
  async untilDone(id: string, { wait, queues }: BatchWait, caller: Caller): Promise<void> {
    if (this.isClosed) return;
    const request = this.parking.park<undefined>({
      wait,
      caller,
      timeOut: () => {
        request.leave(undefined);
      },
      left: () => {
        this.parked.delete(read);
      },
    });
    const read: ParkedRead = { id, queues, request };
    this.parked.add(read);
    // Parked first and checked then, so that the last task cannot end in between.
    if (this.store.isAvailable) this.note(id);
    else request.rejectUnavailable();
    await request.answer;
  }

  /** Checks all batches with pending changes; resolves when all checks are done. */
  async run(): Promise<void> {
    this.begin();
    while (this.looks.size > 0) await Promise.all(this.looks.values());
  }

  onModuleDestroy(): void {
    this.isClosed = true;
    for (const { request } of this.parked) request.leave(undefined);
  }

  /** Runs after the last request, which may have ended the last task of a batch. */
  async onApplicationShutdown(): Promise<void> {
    await this.loop.stop();
    await this.run();
  }

  private see({ task, type, at }: CommittedTransition): void {
    const { batchId } = task.spec;
    if (batchId === undefined) return;
    if (isFinalState(task.state)) this.note(batchId, { endedAt: at });
    // A task joined or was redriven. The time of its durability counts, not the time of the decision.
    else if (type === 'queued' || type === 'delayed')
      this.note(batchId, { reopenedAt: this.store.clock.now().wall });
  }

  private noteParked(): void {
    for (const { id } of this.parked) this.note(id);
  }

  /** Schedules a check of the batch. */
  note(id: string, news: BatchNews = {}): void {
    this.news.set(id, merged(this.news.get(id), news));
    this.loop.wake(LOOK_MS);
  }

  private begin(): void {
    for (const id of this.news.keys()) this.ready.add(id);
    this.fill();
  }

  /** Starts checks of due batches up to `AT_ONCE`. A batch under check is checked again later. */
  private fill(): void {
    for (const id of this.ready) {
      if (this.looks.size >= AT_ONCE) return;
      if (this.looks.has(id)) continue;
      this.ready.delete(id);
      const news = this.news.get(id) ?? {};
      this.news.delete(id);
      const look = this.look(id, news).then(() => {
        this.looks.delete(id);
        this.fill();
      });
      this.looks.set(id, look);
    }
  }

  /** Never rejects: after a failure the batch keeps its pending changes. */
  private async look(id: string, news: BatchNews): Promise<void> {
    try {
      const counts = await this.batches.settle(id, news);
      const reads = [...this.parked].filter((read) => read.id === id);
      // Reads with the same key share one list of queues.
      for (const queues of new Set(reads.map((read) => read.queues))) {
        const seen =
          queues === undefined || isOver(counts) ? counts : await this.batches.countSeen(id, queues);
        if (!isOver(seen)) continue;
        for (const read of reads) if (read.queues === queues) read.request.leave(undefined);
      }
    } catch (error) {
      this.news.set(id, merged(this.news.get(id), news));
      this.loop.wake(RETRY_MS);
      if (!(error instanceof StoreUnavailable))
        this.logger.error(`Checking batch ${id} failed`, (error as Error).stack);
    }
  }
}

/** Whether the batch is done or all its tasks were cleared. */
function isOver(counts: StateCounts): boolean {
  return isDone(counts) || countIn(counts) === 0;
}

function merged(one: BatchNews | undefined, other: BatchNews): BatchNews {
  return {
    reopenedAt: latest(one?.reopenedAt, other.reopenedAt),
    endedAt: latest(one?.endedAt, other.endedAt),
  };
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.max(one, other);
}
