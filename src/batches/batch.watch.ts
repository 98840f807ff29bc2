import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Caller } from '../queue/caller.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { ParkedRequest, Parking } from '../runtime/parking.js';
import { type Committed, StoreUnavailable, TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import { type StateCounts, isFinalState, countIn } from '../task/task-state.js';
import { type BatchNews, isDone } from './batch.js';
import { BatchService } from './batch.service.js';

/** However fast tasks end, a batch is looked at no more often. */
const LOOK_MS = 100;
/** After a look that failed. */
const RETRY_MS = 1_000;
/** Batches that are looked at at the same time: a few whose rest is cancelled hold up no others. */
const AT_ONCE = 64;

interface ParkedRead {
  readonly id: string;
  readonly queues: readonly string[] | undefined;
  readonly request: ParkedRequest<undefined>;
}

export interface BatchWait {
  readonly wait: Seconds;
  /** The queues that the reader sees; all by default. */
  readonly queues?: readonly string[];
}

/**
 * Looks at batches when their tasks join, end or are redriven, each by itself, and parks reads that wait for the end of
 * a batch.
 */
@Injectable()
export class BatchWatch implements OnModuleDestroy {
  private readonly logger = new Logger(BatchWatch.name);
  private readonly parked = new Set<ParkedRead>();
  /** What was seen of batches since they were looked at last. */
  private readonly news = new Map<string, BatchNews>();
  /** Batches whose turn has come. */
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
      // Not awaited: one look that takes long holds up no other.
      pass: async () => {
        this.begin();
        return undefined;
      },
      longestMs: Infinity,
      failure: 'Looking at batches failed',
      logger: this.logger,
    });
    this.loop.start(Infinity);
    store.onCommit((transitions) => {
      for (const transition of transitions) this.see(transition);
    });
    store.watch({
      moved: (moves) => {
        // Another process may have ended the last task; the move does not say of which batch.
        if (this.parked.size > 0 && moves.some(({ state }) => isFinalState(state))) this.noteParked();
      },
      // A clear takes tasks away that a batch waits for, and makes no move.
      loosened: () => {
        this.noteParked();
      },
      disturbed: () => {
        if (store.isAvailable) {
          this.noteParked();
          if (this.news.size > 0) this.loop.wake(LOOK_MS);
        } else for (const { request } of this.parked) request.turnAway();
      },
    });
  }

  /** Reads that are parked now. */
  get size(): number {
    return this.parked.size;
  }

  /**
   * Resolves when the part of the batch in these queues is done, `wait` is over, the caller hangs up or the service
   * closes.
   *
   * @throws ProblemError `too_many_waiters`, or `store_unavailable` when the store goes away
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
    // It is parked first and looked at then, so the last task cannot end between the two.
    if (this.store.isAvailable) this.note(id);
    else request.turnAway();
    await request.answer;
  }

  /** Looks at all batches of which there are news; resolves when that is done. */
  async run(): Promise<void> {
    this.begin();
    while (this.looks.size > 0) await Promise.all(this.looks.values());
  }

  async onModuleDestroy(): Promise<void> {
    this.isClosed = true;
    for (const { request } of this.parked) request.leave(undefined);
    await this.loop.stop();
    await this.run();
  }

  private see({ task, type, at }: Committed): void {
    const { batchId } = task.spec;
    if (batchId === undefined) return;
    if (isFinalState(task.state)) this.note(batchId, { endedAt: at });
    // It joined, or was redriven. When it was durable counts, not when it was decided.
    else if (type === 'queued' || type === 'delayed')
      this.note(batchId, { reopenedAt: this.store.clock.now().wall });
  }

  private noteParked(): void {
    for (const { id } of this.parked) this.note(id);
  }

  /** Has a batch looked at soon. */
  note(id: string, news: BatchNews = {}): void {
    this.news.set(id, merged(this.news.get(id), news));
    this.loop.wake(LOOK_MS);
  }

  private begin(): void {
    for (const id of this.news.keys()) this.ready.add(id);
    this.fill();
  }

  /** Begins with the batches whose turn has come, as far as there is room; one that is being looked at comes later. */
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

  /** Never rejects: a batch that could not be looked at keeps its news. */
  private async look(id: string, news: BatchNews): Promise<void> {
    try {
      const counts = await this.batches.settle(id, news);
      const reads = [...this.parked].filter((read) => read.id === id);
      // Reads under one key share the list of its queues.
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
        this.logger.error(`Looking at batch ${id} failed`, (error as Error).stack);
    }
  }
}

/** Of what was cleared altogether nothing will ever end. */
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
