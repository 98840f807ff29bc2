import { ApiError } from './errors.js';
import type { HeldTask } from './answers.js';
import type { Client, Patient } from './client.js';
import { afterwards, type Milliseconds } from './steady-clock.js';

/** Bytes of one request. */
const LARGEST_CHUNK = 65_536;
/** A piece of the log waits at most this long for more. */
const LONGEST_DELAY_MS: Milliseconds = 1_000;
/** A caller waits at most this long for room. */
const LONGEST_ROOM_MS: Milliseconds = 5_000;
/** Above this many unsent bytes, callers wait for room. */
const ROOMY_BYTES = 262_144;
/** Above this many unsent bytes, further ones are dropped, and the log says so. */
const MOST_BYTES = 4_194_304;

/**
 * Sends the log of one attempt in batches, in order, one request at a time. A request whose answer was lost is repeated
 * with its offset, so no byte is lost or doubled. When the lease has ended or the service keeps no logs, the rest is
 * dropped: a log never fails a task.
 */
export class TaskLog {
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private dropped = 0;
  /** Bytes that this attempt has sent. */
  private offset = 0;
  private isOver = false;
  private sending: Promise<void> | undefined;
  private endDelay: (() => void) | undefined;
  /** Each returns whether it has ended its wait. */
  private waiters: (() => boolean)[] = [];

  /** @param limits of each request */
  constructor(
    private readonly client: Client,
    private readonly task: HeldTask,
    private readonly limits: Patient,
  ) {}

  private get isFull(): boolean {
    return !this.isOver && this.pendingBytes > ROOMY_BYTES;
  }

  /**
   * Adds text, or bytes, which the caller must not change afterwards. Resolves when there is room for more, after some
   * seconds at the latest. Never rejects.
   */
  write(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    if (!this.isOver && bytes.length > 0) this.add(bytes);
    return this.room();
  }

  private add(bytes: Uint8Array): void {
    if (this.pendingBytes + bytes.length > MOST_BYTES) {
      this.dropped += bytes.length;
      return;
    }
    this.noteDropped();
    this.push(bytes);
    if (this.pendingBytes >= LARGEST_CHUNK) this.send();
    else
      this.endDelay ??= afterwards(LONGEST_DELAY_MS, () => {
        this.send();
      });
  }

  private async room(): Promise<void> {
    if (!this.isFull) return;
    await new Promise<void>((resolve) => {
      const end = afterwards(LONGEST_ROOM_MS, resolve);
      this.waiters.push(() => {
        if (this.isFull) return false;
        end();
        resolve();
        return true;
      });
    });
  }

  /** Resolves when everything is sent or given up. Never rejects. */
  async flush(): Promise<void> {
    this.noteDropped();
    this.send();
    while (this.sending !== undefined) await this.sending;
  }

  /** Drops what is unsent, such as after the lease was lost. */
  abandon(): void {
    this.isOver = true;
    this.pending = [];
    this.pendingBytes = 0;
    this.dropped = 0;
    this.endDelay?.();
    this.endDelay = undefined;
    this.wake();
  }

  private noteDropped(): void {
    if (this.dropped === 0) return;
    const note = `\n[${this.dropped} bytes of the log were dropped: the service took them too slowly]\n`;
    this.dropped = 0;
    this.push(new TextEncoder().encode(note));
  }

  private push(bytes: Uint8Array): void {
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
  }

  private send(): void {
    this.endDelay?.();
    this.endDelay = undefined;
    if (this.pendingBytes === 0) return;
    this.sending ??= this.sendAll().finally(() => {
      this.sending = undefined;
    });
  }

  private async sendAll(): Promise<void> {
    while (this.pendingBytes > 0 && !this.isOver) {
      const chunk = this.take();
      await this.sendChunk(chunk);
      this.wake();
    }
  }

  private async sendChunk(bytes: Uint8Array): Promise<void> {
    const { eval_id: id, lease_id: leaseId } = this.task;
    for (;;) {
      try {
        const { size } = await this.client.appendLog(
          id,
          { lease_id: leaseId, offset: this.offset, bytes },
          this.limits,
        );
        this.offset = size;
        return;
      } catch (error) {
        // Another program sent bytes under the same lease, for example in a sandbox: continue after them.
        const size =
          error instanceof ApiError && error.code === 'log_offset' ? error.problem.size : undefined;
        if (typeof size !== 'number' || size === this.offset) {
          this.abandon();
          return;
        }
        this.offset = size;
      }
    }
  }

  /** Up to one chunk of the unsent bytes. */
  private take(): Uint8Array {
    const chunk = new Uint8Array(Math.min(this.pendingBytes, LARGEST_CHUNK));
    let filled = 0;
    while (filled < chunk.length) {
      const [first = new Uint8Array()] = this.pending;
      const part = first.subarray(0, chunk.length - filled);
      chunk.set(part, filled);
      filled += part.length;
      if (part.length === first.length) this.pending.shift();
      else this.pending[0] = first.subarray(part.length);
    }
    this.pendingBytes -= filled;
    return chunk;
  }

  private wake(): void {
    this.waiters = this.waiters.filter((waiter) => !waiter());
  }
}
