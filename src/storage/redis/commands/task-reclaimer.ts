import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../../task/clock.js';
import { LuaScript } from '../connection/lua-script.js';
import { newNonce } from '../records/keys.js';
import type { DanglingEntry } from '../records/repairs.js';
import { afterWrites } from '../connection/store-connection.js';
import type { StoreParts } from '../records/store-parts.js';

const RECLAIM = new LuaScript('reclaim', { runsWhenFull: true });
const SKIM = new LuaScript('skim', { runsWhenFull: true });

/**
 * The most tasks that one script removes. With groups, requirements and a batch, each takes longer than in other
 * scripts.
 */
const ROWS_PER_SCRIPT = 40;
/** Milliseconds for which no other process reclaims a queue after a step. */
const HOLD_MS = 2_000;
/** Pauses this many times as long as a step took, so that Redis mostly does other work. */
const REST_PER_WORK = 2;
const LEAST_REST_MS = 5;
const LONGEST_REST_MS = 50;
/** Entries of each index of deadlines that one script reads. */
const SKIMMED = 500;

type Reply =
  | readonly [
      rows: readonly (readonly [id: string, nonce: string])[],
      dangling: readonly DanglingEntry[],
      clears: number,
    ]
  | null;

/**
 * Removes cleared tasks in short scripts with pauses. One process does this for a queue at a time. When it ends,
 * another process finds the marks at its next search for due tasks and continues.
 */
export class TaskReclaimer {
  private readonly name = newNonce();
  /** Queues with marks, and whether this process made one of them. */
  private readonly queues = new Map<string, boolean>();
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  /**
   * @param onTakenOver called when it continues the clears of another process, which may have ended before it notified
   *   the other processes
   */
  constructor(
    private readonly parts: StoreParts,
    private readonly clock: Clock,
    private readonly onTakenOver: () => Promise<void>,
    private readonly isActive = true,
  ) {}

  /** Reclaims queues that this process has marked. */
  start(queues: readonly string[]): void {
    this.add(queues, true);
  }

  /** Reclaims these queues unless another process does. */
  find(queues: readonly string[]): void {
    this.add(queues, false);
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** Stops after the current step. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.idle();
  }

  /**
   * Removes some cleared tasks of a queue. Returns whether this process did it, and not another.
   *
   * @throws StoreUnavailable
   */
  async reclaim(queue: string): Promise<boolean> {
    const reply = await this.step(queue);
    if (reply !== null && reply[2] > 0) this.start([queue]);
    return reply !== null;
  }

  /** Takes cleared tasks out of the indices of due tasks of a queue. */
  async skim(queue: string): Promise<void> {
    const { connection, keys } = this.parts;
    const call = { keys: [keys.queue(queue)], args: [SKIMMED] };
    await connection.writeScript(SKIM, call, () => undefined);
  }

  private add(queues: readonly string[], isOwn: boolean): void {
    if (!this.isActive || this.stopping.signal.aborted) return;
    for (const queue of queues) this.queues.set(queue, isOwn || (this.queues.get(queue) ?? false));
    if (this.queues.size > 0) this.running ??= this.run().finally(() => (this.running = undefined));
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (const [queue, isOwn] of this.queues) {
      this.queues.delete(queue);
      const began = this.clock.now().steady;
      try {
        const reply = await this.parts.connection.during(() => this.step(queue));
        const [rows, , clears] = reply ?? [[], [], 0];
        if (rows.length + clears > 0 && !isOwn) await this.onTakenOver();
        // It queues behind the others, and belongs to this process from now on.
        if (clears > 0) this.queues.set(queue, true);
        const rest = Math.max((this.clock.now().steady - began) * REST_PER_WORK, LEAST_REST_MS);
        await pause(Math.min(rest, LONGEST_REST_MS), undefined, { ref: false, signal });
      } catch {
        // The next search for due tasks finds the marks again.
        if (signal.aborted) return;
      }
    }
  }

  private async step(queue: string): Promise<Reply> {
    const { connection, keys, directory, repairs } = this.parts;
    const call = { keys: [keys.queue(queue)], args: [ROWS_PER_SCRIPT, this.name, HOLD_MS] };
    const reply = await connection.writeScript(RECLAIM, call, (answer) => answer as Reply);
    if (reply === null) return null;
    const [rows, dangling] = reply;
    repairs.logRemoved(dangling);
    const forgotten = rows.map(([id, nonce]) => ({ id, from: { queue, nonce }, to: undefined }));
    await afterWrites(directory.exchange(forgotten));
    return reply;
  }
}
