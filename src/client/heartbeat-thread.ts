import type { MessagePort, Worker as Thread } from 'node:worker_threads';
import type { KeptItem, LostItem } from './api.generated.js';
import { type Client, type ClientOptions, optionsOf } from './client.js';
import { ClientError } from './errors.js';
import { type Milliseconds, sharedNow, steadyNow } from './steady-clock.js';
import { textOfError } from './verdicts.js';

/** A lease as the thread sees it. Times are those of `sharedNow`. */
export interface ThreadLease {
  readonly eval_id: string;
  readonly lease_id: string;
  readonly interval: Milliseconds;
  /** When the worker's event loop sends its next heartbeat. */
  readonly dueAt: Milliseconds;
  /** The thread sends no heartbeat after this: the task has exceeded its timeout. */
  readonly until: Milliseconds;
}

/** Instructions to the thread. */
export interface ThreadOrder {
  readonly hold: readonly ThreadLease[];
  /** Lease ids to drop. */
  readonly drop: readonly string[];
}

/** What the thread did in place of the event loop. */
export type ThreadReport =
  | {
      readonly sentAt: Milliseconds;
      readonly results: readonly { readonly lease_id: string; readonly item: KeptItem | LostItem }[];
    }
  | { readonly trouble: string };

export interface ThreadData {
  readonly client: ClientOptions;
  readonly workerId: string;
  readonly port: MessagePort;
}

export interface HeartbeatThreadOptions {
  readonly client: Client;
  readonly workerId: string;
  readonly onError: (error: unknown) => void;
}

/** Heartbeats run on the handlers' event loop. A handler that blocks it for longer than its lease loses the task. */
export class NoHeartbeatThread extends ClientError {
  readonly code = 'no_heartbeat_thread';
}

/** Heap limit in MiB. The thread holds little data. */
const LARGEST_HEAP = 64;
/** Maximum bytes of a response: many times the answer to a thousand heartbeats. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

/**
 * A thread that sends heartbeats which a blocked event loop cannot send in time. It runs from `start` to `close`.
 *
 * When the thread cannot run, `onError` and a process warning report it once, and only the event loop sends heartbeats.
 */
export class HeartbeatThread {
  private started: { readonly thread: Thread; readonly port: MessagePort } | undefined;
  private isOver = false;
  private readonly offset = sharedNow() - steadyNow();

  constructor(private readonly options: HeartbeatThreadOptions) {}

  /** Call this before the first claim: the first handler may block at once, and the thread needs time to load. */
  start(): void {
    this.port();
  }

  /** Adds leases and updates the times of known ones. Times are those of `steadyNow`. */
  hold(leases: readonly ThreadLease[]): void {
    const { offset } = this;
    const hold = leases.map((each) => ({ ...each, dueAt: each.dueAt + offset, until: each.until + offset }));
    this.port()?.postMessage({ hold, drop: [] } satisfies ThreadOrder);
  }

  drop(leaseId: string): void {
    this.started?.port.postMessage({ hold: [], drop: [leaseId] } satisfies ThreadOrder);
  }

  /**
   * Reports since the last call. The caller asks for them, because a blocked event loop would receive messages too
   * late.
   */
  *reports(): Generator<ThreadReport, void> {
    if (this.started === undefined) return;
    const { receiveMessageOnPort } = process.getBuiltinModule('node:worker_threads');
    for (;;) {
      const received: { message: ThreadReport } | undefined = receiveMessageOnPort(this.started.port);
      if (received === undefined) return;
      const { message } = received;
      yield 'sentAt' in message ? { ...message, sentAt: message.sentAt - this.offset } : message;
    }
  }

  async close(): Promise<void> {
    this.isOver = true;
    const { started } = this;
    this.started = undefined;
    started?.port.close();
    await started?.thread.terminate();
  }

  private port(): MessagePort | undefined {
    if (this.isOver) return undefined;
    try {
      this.started ??= this.open();
      return this.started.port;
    } catch (error) {
      this.giveUp(error);
      return undefined;
    }
  }

  private open(): { readonly thread: Thread; readonly port: MessagePort } {
    const { workerId } = this.options;
    const client = optionsOf(this.options.client);
    if (client.fetch !== undefined) throw new Error('the client uses a custom fetch');
    // Not imported: this module does not exist in browsers, which use the client alone.
    const { MessageChannel, Worker } = process.getBuiltinModule('node:worker_threads');
    const { port1, port2 } = new MessageChannel();
    const longestAnswer = Math.min(LONGEST_ANSWER, client.longestAnswer ?? LONGEST_ANSWER);
    const workerData: ThreadData = { client: { ...client, longestAnswer }, workerId, port: port2 };
    const thread = new Worker(new URL('./heartbeat.thread.js', import.meta.url), {
      name: 'crucible-heartbeats',
      workerData,
      transferList: [port2],
      // The thread does not inherit modules that the program preloads.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: LARGEST_HEAP },
    });
    thread.unref();
    thread.on('error', (error) => this.giveUp(error));
    return { thread, port: port1 };
  }

  private giveUp(error: unknown): void {
    if (this.isOver) return;
    void this.close();
    const message = `The heartbeat thread cannot run (${textOfError(error)}): a handler that blocks the event loop loses its lease`;
    process.emitWarning(message, 'WorkerHeartbeatWarning');
    this.options.onError(new NoHeartbeatThread(message));
  }
}
