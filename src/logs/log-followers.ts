import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { TaskStore } from '../storage/task-store.js';

/** Milliseconds between two reads of a followed log, where the store does not report other processes' appends. */
const LOOK_MS = 1_000;
/** With more followed tasks than this, each is read less often. */
const LOOKS_PER_SECOND = 1_000;
const LONGEST_LOOK_MS = 30_000;

/** Called when a log may have grown, or its task may have changed. Must not throw. */
export type Wake = () => void;

/** Wakes the readers that follow the log of a task. */
@Injectable()
export class LogFollowers implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly followers = new Map<string, Set<Wake>>();
  private readonly loop: BackgroundLoop;
  private isClosed = false;

  constructor(private readonly store: TaskStore) {
    store.logs.onAppend((id) => {
      this.wake(id);
    });
    store.watch({
      onTransitions: (transitions) => {
        if (this.followers.size > 0) for (const { id } of transitions) this.wake(id);
      },
      // A clear removes tasks without a transition.
      onLimitsRelaxed: () => {
        this.wakeAll();
      },
      onGap: () => {
        this.wakeAll();
      },
    });
    this.loop = new BackgroundLoop({
      clock: store.clock,
      pass: () => {
        this.wakeAll();
        return Promise.resolve(LOOK_MS * Math.max(this.followers.size / LOOKS_PER_SECOND, 1));
      },
      longestMs: LONGEST_LOOK_MS,
      failure: 'Reading followed logs failed',
      logger: new Logger(LogFollowers.name),
    });
  }

  /** Whether the service is closing. Waiting readers then get their answers. */
  get isClosing(): boolean {
    return this.isClosed;
  }

  /** Calls `wake` for the log of this task, until the returned function is called. */
  follow(id: string, wake: Wake): () => void {
    const wakes = this.followers.get(id) ?? new Set();
    this.followers.set(id, wakes.add(wake));
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.followers.get(id) === wakes) this.followers.delete(id);
    };
  }

  onApplicationBootstrap(): void {
    if (!this.store.logs.reportsEveryProcess) this.loop.start();
  }

  /** Wakes all followers; `isClosing` is true by then. */
  async onModuleDestroy(): Promise<void> {
    this.isClosed = true;
    this.wakeAll();
    await this.loop.stop();
  }

  private wake(id: string): void {
    for (const wake of this.followers.get(id) ?? []) wake();
  }

  private wakeAll(): void {
    for (const id of this.followers.keys()) this.wake(id);
  }
}
