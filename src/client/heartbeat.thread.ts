/** The thread of `HeartbeatThread`: sends overdue heartbeats. */
import { workerData } from 'node:worker_threads';
import { Client } from './client.js';
import {
  type ThreadData,
  type ThreadLease,
  type ThreadOrder,
  type ThreadReport,
} from './heartbeat-thread.js';
import { LARGEST_BEAT, retryAfter } from './heartbeat-times.js';
import { sharedNow } from './steady-clock.js';
import { textOfError } from './verdicts.js';

/** How late a heartbeat may be before this thread sends it, as a share of the interval. */
const GRACE = 1 / 4;

const { client: options, workerId, port } = workerData as ThreadData;
const client = new Client(options);
const held = new Map<string, ThreadLease>();
let timer: ReturnType<typeof setTimeout> | undefined;
let isBeating = false;

port.on('message', ({ hold, drop }: ThreadOrder) => {
  for (const lease of hold) held.set(lease.lease_id, lease);
  for (const id of drop) held.delete(id);
  schedule();
});

function momentOf({ dueAt, interval }: ThreadLease): number {
  return dueAt + interval * GRACE;
}

function schedule(): void {
  clearTimeout(timer);
  if (held.size === 0 || isBeating) return;
  const next = Math.min(...[...held.values()].map(momentOf));
  timer = setTimeout(() => void beat(), Math.min(Math.max(0, next - sharedNow()), 60_000));
}

async function beat(): Promise<void> {
  const sentAt = sharedNow();
  for (const { lease_id: id, until } of held.values()) if (until <= sentAt) held.delete(id);
  const due = [...held.values()].sort((one, other) => momentOf(one) - momentOf(other)).slice(0, LARGEST_BEAT);
  const [first] = due;
  if (first !== undefined && momentOf(first) <= sentAt) {
    isBeating = true;
    const report = await answerTo(due, sentAt);
    isBeating = false;
    port.postMessage(report);
  }
  schedule();
}

async function answerTo(due: readonly ThreadLease[], sentAt: number): Promise<ThreadReport> {
  const interval = Math.min(...due.map((lease) => lease.interval));
  try {
    const limits = { patience: 0, timeout: interval / 1000 };
    const { results } = await client.heartbeatAll(workerId, due, limits);
    return {
      sentAt,
      results: results.flatMap((item) => {
        const lease = due[item.index];
        if (lease === undefined) return [];
        if ('problem' in item) held.delete(lease.lease_id);
        else next(lease, sentAt + item.heartbeat_interval * 1000, item.heartbeat_interval * 1000);
        return [{ lease_id: lease.lease_id, item }];
      }),
    };
  } catch (error) {
    for (const lease of due)
      next(lease, sharedNow() + retryAfter(interval) - lease.interval * GRACE, lease.interval);
    return { trouble: textOfError(error) };
  }
}

/** Sets the next time, unless the event loop has changed the lease meanwhile. */
function next(lease: ThreadLease, dueAt: number, interval: number): void {
  if (held.get(lease.lease_id) === lease) held.set(lease.lease_id, { ...lease, dueAt, interval });
}
