import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from './service.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const PROBE_MS = 10;

export async function send(service: Service, method: string, path: string, body?: object): Promise<Response> {
  const content = body === undefined ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) };
  return fetch(`${service.url}${path}`, { method, ...content });
}

export interface Filling {
  readonly prefix: string;
  readonly count: number;
  /** Tasks of one request. */
  readonly batch: number;
  /** What else a task has. */
  readonly fields: (index: number) => object;
  /** What else a request has. */
  readonly members?: object;
}

/** Enqueues many tasks, one bulk request after the other. */
export async function fill(
  service: Service,
  { prefix, count, batch, fields, members }: Filling,
): Promise<void> {
  for (let from = 0; from < count; from += batch) {
    const tasks = Array.from({ length: Math.min(batch, count - from) }, (_, index) => ({
      eval_id: `${prefix}-${from + index}`,
      code: 'print(1)',
      ...fields(from + index),
    }));
    const { status } = await send(service, 'POST', '/tasks/batch', { ...members, tasks });
    if (status !== 200) throw new Error(`A batch was answered ${status}`);
  }
}

/** Milliseconds that the main thread of a process has run, and that it was ready and had no processor. */
function scheduleOf(pid: number): { readonly ran: number; readonly waited: number } {
  const text = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1');
  const [ran = 0, waited = 0] = text.split(' ').map(Number);
  return { ran: ran / 1e6, waited: waited / 1e6 };
}

const KINDS = ['livez', 'enqueue'] as const;

/** Asks for `/livez` and enqueues, one after the other, until it is stopped. */
export class Probe {
  readonly tookMs = { livez: [] as number[], enqueue: [] as number[] };
  /**
   * Of that, without what the main threads waited for a processor. It includes waits for other threads of the service,
   * which on a busy machine may wait for a processor too: those of the file system and of the garbage collector.
   */
  readonly ownMs = { livez: [] as number[], enqueue: [] as number[] };
  /** What the main thread of the service ran meanwhile: the most that its synchronous work can have taken. */
  readonly ranMs = { livez: [] as number[], enqueue: [] as number[] };
  readonly enqueued: string[] = [];
  private readonly problems = new Set<string>();
  private isStopped = false;
  private readonly done: Promise<unknown>;

  /** @param others processes that the service waits for: its Redis */
  constructor(
    private readonly service: Service,
    private readonly name: string,
    private readonly others: readonly number[] = [],
  ) {
    this.done = Promise.all(KINDS.map((what) => this.each(what)));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.done;
  }

  /**
   * Prints how long each kind took.
   *
   * @returns what was refused, or took longer than the limit, not counting waits for a processor
   */
  report(limitMs: number): string[] {
    const late = KINDS.flatMap((what) => {
      const sorted = this.tookMs[what].toSorted((one, other) => one - other);
      const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
      const worst = Math.max(...this.ownMs[what]);
      console.log(
        `${this.name}: ${what} ${sorted.length} times, ${at(0.5)} ms (median), ${at(0.99)} (99 %), ${at(1)} (longest), ` +
          `${worst.toFixed(1)} (longest without waits for a processor), ` +
          `${Math.max(...this.ranMs[what]).toFixed(1)} (most that the service ran); load ${loadavg()[0]?.toFixed(1)}`,
      );
      return worst > limitMs ? [`${what} took ${worst.toFixed(0)} ms of its own: ${this.name}`] : [];
    });
    return [...late, ...this.problems];
  }

  private async each(what: (typeof KINDS)[number]): Promise<void> {
    for (let number = 0; !this.isStopped; number += 1) {
      const began = performance.now();
      const waited = this.waitedMs();
      const { ran } = scheduleOf(this.service.pid);
      await (what === 'livez' ? this.live() : this.enqueue(`${this.name.replaceAll(' ', '-')}-${number}`));
      const took = performance.now() - began;
      this.tookMs[what].push(took);
      this.ownMs[what].push(Math.max(took - (this.waitedMs() - waited), 0));
      this.ranMs[what].push(scheduleOf(this.service.pid).ran - ran);
      await delay(PROBE_MS);
    }
  }

  private waitedMs(): number {
    return [this.service.pid, process.pid, ...this.others].reduce(
      (sum, pid) => sum + scheduleOf(pid).waited,
      0,
    );
  }

  private async live(): Promise<void> {
    const { status } = await send(this.service, 'GET', '/livez');
    if (status !== 200) this.problems.add(`/livez was answered ${status}: ${this.name}`);
  }

  private async enqueue(id: string): Promise<void> {
    const { status } = await send(this.service, 'POST', '/tasks', { eval_id: id, code: 'x', queue: 'kept' });
    if (status === 201) this.enqueued.push(id);
    else this.problems.add(`an enqueue was answered ${status}: ${this.name}`);
  }
}
