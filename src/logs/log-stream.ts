import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';
import { Config } from '../config/config.js';
import { onHangUp } from '../http/raw-reply.js';
import type { Caller } from '../queue/caller.js';
import { Parking, type ParkedRequest } from '../runtime/parking.js';
import { TaskNotFound } from '../task/task.errors.js';
import { isFinished, type Task } from '../task/task.js';
import { LogFollowers } from './log-followers.js';
import { hasEnded, LogService, type LogView } from './log.service.js';
import { wholeLength } from './utf8.js';

/** Milliseconds before a client reconnects. */
const RETRY_MS = 2_000;
/** Bytes of one event. */
const EVENT_BYTES = 65_536;
/** Seconds after which a stream ends, and its client reconnects. */
const LONGEST_STREAM = 86_400;

/** Where a stream goes on. */
export interface LogPlace {
  readonly attempt: number;
  readonly offset: number;
}

export interface LogStreamOptions {
  readonly task: Task;
  readonly place: LogPlace;
  readonly caller: Caller;
}

/** All streams of logs of this process. Each takes a place of `MAX_PARKED_POLLS`. */
@Injectable()
export class LogStreams implements OnModuleDestroy {
  private readonly open = new Set<LogStream>();

  constructor(
    private readonly logs: LogService,
    private readonly followers: LogFollowers,
    private readonly parking: Parking,
    private readonly config: Config,
  ) {}

  /**
   * Writes the log to the response as it grows, until the task or its reader ends.
   *
   * @throws ProblemError `too_many_waiters`
   */
  start(response: Response, { task, place, caller }: LogStreamOptions): void {
    const { logs, config } = this;
    const request = this.parking.park<undefined>({
      wait: LONGEST_STREAM,
      caller,
      timeOut: () => {
        stream.end();
      },
      left: () => {
        unfollow();
        this.open.delete(stream);
      },
    });
    const stream = new LogStream(response, {
      ...{ task, place, request, logs },
      mayRead: () => !caller.isGone,
      heartbeatMs: config.EVENTS_HEARTBEAT_SECONDS * 1000,
      slowMs: config.EVENTS_SLOW_READER_SECONDS * 1000,
    });
    const unfollow = this.followers.follow(task.spec.id, stream.wake);
    this.open.add(stream);
    stream.begin();
  }

  /** Ends all streams; clients reconnect to another process. */
  onModuleDestroy(): void {
    for (const stream of this.open) stream.end();
  }
}

interface StreamOptions {
  readonly task: Task;
  readonly place: LogPlace;
  readonly request: ParkedRequest<undefined>;
  readonly logs: LogService;
  readonly mayRead: () => boolean;
  readonly heartbeatMs: number;
  readonly slowMs: number;
}

/**
 * The log of a task as server-sent events, attempt after attempt. It reads on only when the previous event has left the
 * process. An event never ends within a character, unless the attempt does.
 */
class LogStream {
  private task: Task;
  private place: LogPlace;
  private isBusy = false;
  private isWoken = false;
  private isEnded = false;
  private heartbeat: NodeJS.Timeout | undefined;
  /** Ends the wait for the connection to drain. */
  private release: () => void = () => undefined;

  readonly wake = (): void => {
    this.isWoken = true;
    if (!this.isBusy && !this.isEnded) void this.run();
  };

  constructor(
    private readonly response: Response,
    private readonly options: StreamOptions,
  ) {
    this.task = options.task;
    this.place = options.place;
  }

  begin(): void {
    onHangUp(this.response, () => {
      this.end();
    });
    this.response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    this.response.setHeader('X-Accel-Buffering', 'no');
    this.response.write(`retry: ${RETRY_MS}\n\n`);
    this.heartbeat = setInterval(() => {
      if (!this.options.mayRead()) this.end();
      else if (!this.isBusy) this.response.write(':\n\n');
    }, this.options.heartbeatMs);
    this.wake();
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    clearInterval(this.heartbeat);
    this.response.end();
    this.options.request.leave(undefined);
    this.release();
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    try {
      while (this.isWoken && !this.isEnded) {
        this.isWoken = false;
        await this.readOn();
      }
    } catch (error) {
      // The task was removed, or the store is unavailable. Then the client reconnects, here or elsewhere.
      if (error instanceof TaskNotFound) await this.write('event: end\ndata: {"status":null}\n\n');
      this.end();
    }
    this.isBusy = false;
  }

  /** Writes all that is there. */
  private async readOn(): Promise<void> {
    while (!this.isEnded) {
      if (!this.options.mayRead()) {
        this.end();
        return;
      }
      const view = await this.options.logs.view(this.task, { ...this.place, limit: EVENT_BYTES });
      this.task = view.task;
      const end = await this.writeText(view);
      this.place = { attempt: view.attempt, offset: end };
      if (end > view.offset && end < view.size) continue;
      if (view.isEnded) {
        if (view.task.attempt > view.attempt) this.place = { attempt: view.attempt + 1, offset: 0 };
        else if (isFinished(view.task)) await this.finish(view.task);
        else return;
      } else if (!hasEnded(view.task, view.attempt)) return;
      // It ended during the read, which may have missed the last bytes: read on.
    }
  }

  /** Returns where the log goes on. */
  private async writeText({ attempt, offset, bytes, size, isEnded }: LogView): Promise<number> {
    const isLast = isEnded && offset + bytes.length === size;
    const whole = isLast ? bytes : bytes.subarray(0, wholeLength(bytes));
    const end = offset + whole.length;
    if (whole.length === 0) return end;
    const data = JSON.stringify({ attempt, offset, text: whole.toString('utf8') });
    await this.write(`id: ${attempt}:${end}\nevent: log\ndata: ${data}\n\n`);
    return end;
  }

  private async finish({ state }: Task): Promise<void> {
    await this.write(`event: end\ndata: ${JSON.stringify({ status: state })}\n\n`);
    this.end();
  }

  /** Resolves when the connection can take more data. Disconnects a slow reader. */
  private async write(text: string): Promise<void> {
    if (this.isEnded || this.response.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.response.destroy();
        this.end();
      }, this.options.slowMs);
      this.release = done;
      this.response.once('drain', done);
    });
  }
}
