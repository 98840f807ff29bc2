import { setTimeout as delay } from 'node:timers/promises';
import type { Grant, Ms } from '../support/history.js';
import { HOLD_MS, type LimitsLoad, type LimitsPlan, TASKS_PER_CLAIM } from './limits.load.js';
import type { QueueClient } from './queue.client.js';

/** Seconds; a poll that is parked for so long asks again, and is woken by every slot that gets free. */
const WAIT = 1;
const TASKS_PER_PROBE = 100;
const COMPLETED_AT_ONCE = 100;
/** More than fit, so that tasks of each group wait. */
const SPARE = 2;

export interface SlotsOptions {
  readonly client: QueueClient;
  readonly load: LimitsLoad;
  readonly plan: LimitsPlan;
  /** All slots are in use after this time at the latest. */
  readonly patienceMs: Ms;
}

/** Takes every slot there is while nobody else works, and looks whether there are exactly as many as there should be. */
export class Slots {
  readonly complaints: string[] = [];
  private held: Grant[] = [];

  constructor(private readonly options: SlotsOptions) {}

  /** Has tasks of every group wait, and all workers take and keep what they get, until nothing more should come. */
  async fill(moment: string): Promise<void> {
    const { load, plan } = this.options;
    await load.enqueueOfEach(plan.limit + SPARE);
    await this.takeAll();
    await this.judge(moment);
  }

  /** Exactly the limit of each group is held: we hold so many, the service says so, and gives no more. */
  async judge(moment: string): Promise<void> {
    const { client, plan } = this.options;
    const extra = await client.claim({ worker: 'probe', max: TASKS_PER_PROBE, leaseMs: HOLD_MS });
    this.held.push(...extra);
    const counts = this.heldByGroup();
    for (let number = 0; number < plan.groups; number += 1) {
      const group = `g-${number}`;
      const held = counts.get(group) ?? 0;
      const told = await this.toldOf(group);
      if (held === plan.limit && told === plan.limit) continue;
      this.complaints.push(`${moment}: of ${group} ${held} were held, ${told} said to be, of ${plan.limit}`);
    }
    const { body } = await client.send('GET', '/queues/default/stats');
    const { leased } = body as { leased: number };
    const wanted = plan.groups * plan.limit;
    if (leased !== wanted) this.complaints.push(`${moment}: the stats say ${leased} of ${wanted} held`);
  }

  /** Completes one task of each group: for each, one other comes. */
  async turnOver(moment: string): Promise<void> {
    const seen = new Set<string>();
    const isFirst = (grant: Grant) => {
      const group = this.options.load.groupOf(grant);
      return !seen.has(group) && seen.add(group).size > 0;
    };
    await this.complete(this.held.filter(isFirst));
    await this.takeAll();
    await this.judge(moment);
  }

  /** Completes all that is held. */
  async empty(): Promise<void> {
    await this.complete(this.held);
  }

  private async takeAll(): Promise<void> {
    const { load, plan, patienceMs } = this.options;
    const end = performance.now() + patienceMs;
    const wanted = plan.groups * plan.limit;
    const take = async (client: QueueClient, index: number) => {
      const claim = { worker: `keeper-${index}`, max: TASKS_PER_CLAIM, wait: WAIT, leaseMs: HOLD_MS };
      while (this.held.length < wanted && performance.now() < end) {
        this.held.push(...(await client.claim(claim)));
        if (client.isTroubled) await delay(WAIT * 100);
      }
    };
    await Promise.all(load.clients(plan.workers).map(take));
  }

  private async complete(grants: readonly Grant[]): Promise<void> {
    for (let from = 0; from < grants.length; from += COMPLETED_AT_ONCE) {
      const chunk = grants.slice(from, from + COMPLETED_AT_ONCE);
      await this.options.client.endAll(chunk.map(({ id, token }) => ({ f: 'complete', id, token })));
    }
    const done = new Set(grants);
    this.held = this.held.filter((grant) => !done.has(grant));
  }

  private heldByGroup(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const grant of this.held) {
      const group = this.options.load.groupOf(grant);
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    return counts;
  }

  /** How many tasks of the group the service lists as held. */
  private async toldOf(group: string): Promise<number> {
    const { body } = await this.options.client.send(
      'GET',
      `/tasks?status=processing&group=${group}&limit=1000`,
    );
    return (body as { tasks: readonly unknown[] }).tasks.length;
  }
}
