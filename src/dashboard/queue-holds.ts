import { Inject, Injectable } from '@nestjs/common';
import { ANYONE } from '../auth/principal.js';
import type { QueueStatus } from '../queue/status.service.js';
import { TaskStore } from '../storage/task-store.js';
import { Clock, type Instant } from '../task/clock.js';
import { hasOutage, type QueueSettings } from '../task/queue-settings.js';
import type { Labels } from '../task/requirements.js';
import { type KnownWorker, WorkerService } from '../workers/worker.service.js';
import { duration, number } from './parts/format.js';

export interface WaitingQueue extends Pick<QueueStatus, 'queued' | 'processing'> {
  readonly queue: string;
  readonly settings: QueueSettings;
}

/** The newest waiting tasks whose requirements are compared with the workers. */
const SAMPLE = 100;
/** Requirements that are named. */
const NAMED = 3;
/** A look at the workers, or at the requirements of a queue, is valid for this long. */
const LOOK_MS = 5_000;
/** Queues whose looks are kept. */
const KEPT = 1_000;

interface Look {
  readonly at: Instant;
  readonly unmet: readonly string[];
}

/** Says in words why waiting tasks of a queue are not claimed. */
@Injectable()
export class QueueHolds {
  private readonly looks = new Map<string, Look>();
  private fleet: { readonly at: Instant; readonly workers: Promise<readonly KnownWorker[]> } | undefined;

  constructor(
    private readonly store: TaskStore,
    @Inject(WorkerService) private readonly workers: Pick<WorkerService, 'list'>,
    private readonly clock: Clock,
  ) {}

  /** The reasons by queue; queues without waiting tasks, and those that nothing holds back, are absent. */
  async of(queues: readonly WaitingQueue[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const waiting = queues.filter(({ queued }) => queued > 0);
    if (waiting.length === 0) return new Map();
    const fleet = await this.knownWorkers();
    const reasons = await Promise.all(
      waiting.map(async (queue) => [queue.queue, await this.reasonsOf(queue, fleet)] as const),
    );
    return new Map(reasons.filter(([, texts]) => texts.length > 0));
  }

  /** The list reads every held task, too much for each second of each viewer. */
  private knownWorkers(): Promise<readonly KnownWorker[]> {
    const now = this.clock.now().wall;
    if (this.fleet === undefined || Math.abs(now - this.fleet.at) >= LOOK_MS) {
      // Only whether a worker claims matters, not which, so the key's access plays no part.
      const workers = this.workers.list(ANYONE);
      this.fleet = { at: now, workers };
      workers.catch(() => (this.fleet = undefined));
    }
    return this.fleet.workers;
  }

  private async reasonsOf(queue: WaitingQueue, fleet: readonly KnownWorker[]): Promise<readonly string[]> {
    const { paused, maxConcurrency, rateLimit } = queue.settings;
    if (paused === true) return ['paused'];
    const reasons: string[] = [];
    if (maxConcurrency !== undefined && queue.processing >= maxConcurrency)
      reasons.push(`at ${number(queue.processing)} of ${number(maxConcurrency)}`);
    if (rateLimit !== undefined) {
      const wait = await this.store.settings.untilAllowed(queue.queue);
      if (wait > 0) reasons.push(`rate: next in ${duration(wait / 1000)}`);
    }
    if (hasOutage(queue.settings)) reasons.push('outage: one task a second');
    const present = fleet.filter(({ state, queues }) => state !== 'gone' && queues.includes(queue.queue));
    const claiming = present.filter(({ isDraining }) => !isDraining);
    if (present.length === 0) reasons.push('no worker with a name claims from it');
    else if (claiming.length === 0) reasons.push(blockedText(present));
    else reasons.push(...(await this.unmetBy(claiming, queue.queue)));
    return reasons;
  }

  private async unmetBy(workers: readonly KnownWorker[], queue: string): Promise<readonly string[]> {
    const now = this.clock.now().wall;
    const known = this.looks.get(queue);
    if (known !== undefined && Math.abs(now - known.at) < LOOK_MS) return known.unmet;
    const { tasks } = await this.store.views.list({ states: ['queued'], queues: [queue], limit: SAMPLE });
    const wanted = new Map(
      tasks.flatMap(({ spec: { requires } }) => (requires ? [[textOf(requires), requires]] : [])),
    );
    const unmet = [...wanted]
      .filter(([, requires]) => !workers.some(({ labels = {} }) => offers(labels, requires)))
      .map(([text]) => `no worker offers ${text}`)
      .slice(0, NAMED);
    if (this.looks.size >= KEPT) this.looks.clear();
    this.looks.set(queue, { at: now, unmet });
    return unmet;
  }
}

/** Why none of these workers claims: each is draining or quarantined. */
function blockedText(workers: readonly KnownWorker[]): string {
  const quarantined = workers.filter(({ quarantine }) => quarantine !== undefined).length;
  if (quarantined === 0) return 'all its workers are draining';
  if (quarantined === workers.length) return 'all its workers are quarantined';
  return `all its workers are draining, ${number(quarantined)} of them in quarantine`;
}

function offers(labels: Labels, requires: Labels): boolean {
  return Object.entries(requires).every(([label, value]) => labels[label] === value);
}

function textOf(requires: Labels): string {
  return Object.entries(requires)
    .map(([label, value]) => `${label}=${value}`)
    .join(', ');
}
