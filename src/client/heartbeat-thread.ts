import type { MessagePort, Worker as Thread } from 'node:worker_threads';
import type { KeptItem, LostItem } from './api.generated.js';
import { type Client, type ClientOptions, optionsOf } from './client.js';
import { ClientError } from './errors.js';
import { type Milliseconds, sharedNow, steadyNow } from './steady-clock.js';
import { textOfError } from './verdicts.js';

/** A lease as the thread knows it. Its times are those of `sharedNow`. */
export interface ThreadLease {
  readonly eval_id: string;
  readonly lease_id: string;
  readonly interval: Milliseconds;
  /** When the event loop of the worker sends its next heartbeat. */
  readonly dueAt: Milliseconds;
  /** The thread sends none after this: the task has run for longer than its timeout. */
  readonly until: Milliseconds;
}

/** What the thread is told. */
export interface ThreadOrder {
  readonly hold: readonly ThreadLease[];
  /** Ids of leases. */
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

/** Heartbeats share the event loop with the handlers: one that blocks it for longer than its lease loses the task. */
export class NoHeartbeatThread extends ClientError {
  readonly code = 'no_heartbeat_thread';
}

/** MiB. What it holds is small. */
const LARGEST_HEAP = 64;
/** Bytes: many times what the service answers to the heartbeats of a thousand leases. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

/**
 * A thread that sends the heartbeats which the event loop does not send in time, because a handler blocks it. It runs from
 * `start` to `close`.
 *
 * Where there can be none, `onError` and a process warning say so once, and the event loop alone sends heartbeats.
 */
export class HeartbeatThread {
  private started: { readonly thread: Thread; readonly port: MessagePort } | undefined;
  private isOver = false;
  private readonly offset = sharedNow() - steadyNow();

  constructor(private readonly options: HeartbeatThreadOptions) {}

  /** Before the first claim: the first handler may block at once, and the thread loads its modules meanwhile. */
  start(): void {
    this.port();
  }

  /** New leases, and new times of those that it knows; the times are of `steadyNow`. */
  hold(leases: readonly ThreadLease[]): void {
    const { offset } = this;
    const hold = leases.map((each) => ({ ...each, dueAt: each.dueAt + offset, until: each.until + offset }));
    this.port()?.postMessage({ hold, drop: [] } satisfies ThreadOrder);
  }

  drop(leaseId: string): void {
    this.started?.port.postMessage({ hold: [], drop: [leaseId] } satisfies ThreadOrder);
  }

  /** What it did since the last call; asked for, because an event loop that was blocked would hear of it too late. */
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
    if (client.fetch !== undefined) throw new Error('the client has a fetch of its own');
    // Not imported: a page that uses the client alone has no such module.
    const { MessageChannel, Worker } = process.getBuiltinModule('node:worker_threads');
    const { port1, port2 } = new MessageChannel();
    const longestAnswer = Math.min(LONGEST_ANSWER, client.longestAnswer ?? LONGEST_ANSWER);
    const workerData: ThreadData = { client: { ...client, longestAnswer }, workerId, port: port2 };
    const thread = new Worker(new URL('./heartbeat.thread.js', import.meta.url), {
      name: 'crucible-heartbeats',
      workerData,
      transferList: [port2],
      // What the program loads before itself is not for this thread.
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
    const message = `Heartbeats have no thread of their own (${textOfError(error)}): a handler that blocks the event loop loses its lease`;
    process.emitWarning(message, 'WorkerHeartbeatWarning');
    this.options.onError(new NoHeartbeatThread(message));
  }
}
