import { setTimeout as delay } from 'node:timers/promises';
import type { Ms } from '../support/history.js';
import { type Exchange, Wire } from './http.wire.js';

const LOOK_EVERY_MS = 25;

interface Sample {
  readonly t0: Ms;
  readonly t1: Ms;
  readonly isReady: boolean;
}

/** Looks at /readyz of each replica all the time. */
export class ReadinessWatch {
  private readonly samples = new Map<number, Sample[]>();
  private readonly acknowledged: Exchange[] = [];
  private readonly wire = new Wire();
  private running: Promise<void>[] = [];
  private isStopped = false;

  start(ports: readonly number[]): void {
    this.running = ports.map((port) => this.look(port));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.wire.close();
    await Promise.all(this.running);
  }

  /** Is shown all requests, so that it knows what was acknowledged by whom. */
  see(exchange: Exchange): void {
    const { method, path, reply } = exchange;
    if (method === 'POST' && path === '/tasks' && reply.status === 201) this.acknowledged.push(exchange);
  }

  /** Milliseconds until it said so first, when asked after `since`; `undefined` when it never did. */
  timeUntil(isReady: boolean, port: number, since: Ms): Ms | undefined {
    const first = this.samplesOf(port).find((sample) => sample.t0 >= since && sample.isReady === isReady);
    return first && first.t1 - since;
  }

  /** Enqueues that were acknowledged by a replica that was not ready, all the time from sending to answer (INV-25). */
  acknowledgedInTheDark(port: number): number {
    const samples = this.samplesOf(port);
    return this.acknowledged.filter(({ t0, t1, port: asked }) => {
      const before = samples.findLastIndex((sample) => sample.t1 < t0);
      const after = samples.findIndex((sample) => sample.t0 > t1);
      if (asked !== port || before < 0 || after < 0) return false;
      return samples.slice(before, after + 1).every(({ isReady }) => !isReady);
    }).length;
  }

  private samplesOf(port: number): Sample[] {
    const samples = this.samples.get(port) ?? [];
    this.samples.set(port, samples);
    return samples;
  }

  private async look(port: number): Promise<void> {
    while (!this.isStopped) {
      const t0 = performance.now();
      const { status } = await this.wire.send({ port, method: 'GET', path: '/readyz' });
      this.samplesOf(port).push({ t0, t1: performance.now(), isReady: status === 200 });
      await delay(LOOK_EVERY_MS);
    }
  }
}
