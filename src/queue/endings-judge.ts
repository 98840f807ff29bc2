import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { BackgroundLoop } from '../runtime/background-loop.js';
import type { Clock } from '../task/clock.js';

/** Milliseconds between two looks at the endings that other processes share. */
const LOOK_MS = 1_000;

/** Looks at the `EndingsBoard` once a second while the service runs. A failed look is logged and repeated. */
export abstract class EndingsJudge implements OnApplicationBootstrap, OnModuleDestroy {
  protected readonly logger: Logger;
  protected readonly loop: BackgroundLoop;

  /** @param failure the log line of a failed look */
  protected constructor(clock: Clock, failure: string) {
    this.logger = new Logger(new.target.name);
    this.loop = new BackgroundLoop({
      clock,
      pass: async () => {
        await this.look();
        return undefined;
      },
      longestMs: LOOK_MS,
      failure,
      logger: this.logger,
    });
  }

  abstract look(): Promise<void>;

  onApplicationBootstrap(): void {
    this.loop.start(LOOK_MS);
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }
}
