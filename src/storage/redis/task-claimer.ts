import type { Clock, Moment } from '../../task/clock.js';
import { grantLease, tick } from '../../task/task.machine.js';
import type { ProcessingTask, Task } from '../../task/task.js';
import { type ClaimedTask, type ClaimRequest, type Payload, StoreUnavailable } from '../task-store.js';
import { claimKeyOf } from '../claim-key.js';
import { byPlace, type ExpiredRow, leaseArgs, type LeaseRow, offerOf, type Reply } from './claim.row.js';
import { channelArg } from './event.text.js';
import { LuaScript } from './lua-script.js';
import { WRITING } from './script-parts.js';
import type { StoreParts } from './store-parts.js';
import { decodeTask } from './task.codec.js';
import type { TaskWriter } from './task-writer.js';
import { ROWS_PER_SCRIPT, TurnBatch } from './turn-batch.js';

const CLAIM = new LuaScript('claim', {
  parts: [...WRITING, 'event', 'lease', 'limits', 'ahead', 'choose', 'take', 'ways'],
  runsWhenFull: true,
});

/** Expired tasks that one script passes over; they are expired then, and the next one finds what is behind them. */
const PASS_OVER = 500;
/** Where to look. */
interface Search {
  /** To take from, in this order. */
  readonly queues: readonly string[];
  /** Where the claim may hold tasks besides. */
  readonly further: readonly string[];
  /** What the worker offers, as the script reads it. */
  readonly offer: string;
  /** Empty for a claim without an id. */
  readonly claimKey: string;
}

interface Found {
  /** What the claim held already. Then nothing was taken. */
  readonly held: readonly ClaimedTask[];
  /** For each lease; `undefined` when nothing was ready. */
  readonly taken: readonly (ClaimedTask | undefined)[];
}

/** What one run of the script found. */
interface Run {
  readonly held: readonly ClaimedTask[];
  readonly claimed: readonly ClaimedTask[];
  readonly expired: readonly ExpiredRow[];
}

/** Takes ready tasks and leases them. */
export class TaskClaimer {
  private readonly batches = new Map<string, TurnBatch<LeaseRow, ClaimedTask | undefined>>();

  constructor(
    private readonly parts: StoreParts,
    private readonly writer: TaskWriter,
    private readonly clock: Clock,
  ) {}

  async claim({ queues: named, leaseIds, labels, grant }: ClaimRequest): Promise<readonly ClaimedTask[]> {
    const queues = [...new Set(named)];
    const rows = leaseIds.map((leaseId) => ({ leaseId, grant }));
    const offer = offerOf(labels);
    if (grant.claimId !== undefined) {
      const claimKey = claimKeyOf(grant.workerId, grant.claimId);
      return this.claimOnce({ queues, further: [], claimKey, offer }, rows);
    }
    const groups = this.parts.connection.groupsOf(queues);
    return this.fill(groups, rows, (group, left) => this.batchOf(group, offer).add(left));
  }

  /** A claim call with an id: what it holds already, else new tasks. */
  private async claimOnce(wanted: Search, rows: readonly LeaseRow[]): Promise<readonly ClaimedTask[]> {
    const { queues, claimKey } = wanted;
    const noted = await this.parts.claimNames.note(claimKey, queues);
    const further = noted.filter((name) => !queues.includes(name));
    const search = { ...wanted, further };
    const claimed = this.parts.connection.isCluster
      ? await this.claimNodeByNode(search, rows)
      : await this.claimAt(search, rows);
    if (claimed.length === 0) return claimed;
    const longest = Math.max(...claimed.map(({ task }) => task.lease.length));
    await unlessTaken(claimed, this.parts.claimNames.keep(claimKey, longest));
    return claimed;
  }

  /** Where no script sees all queues: looks everywhere for what the claim holds before it takes anything. */
  private async claimNodeByNode(search: Search, rows: readonly LeaseRow[]): Promise<readonly ClaimedTask[]> {
    const { queues, further } = search;
    const held: ClaimedTask[] = [];
    for (const queue of [...queues, ...further]) {
      held.push(...(await this.claimAt({ ...search, queues: [], further: [queue] }, [])));
    }
    if (held.length > 0) return held;
    return this.fill(this.parts.connection.groupsOf(queues), rows, (group, left) =>
      this.claimAt({ ...search, queues: group, further: [] }, left),
    );
  }

  private async claimAt(search: Search, rows: readonly LeaseRow[]): Promise<readonly ClaimedTask[]> {
    const { held, taken } = await this.search(search, rows);
    return held.length > 0 ? held : taken.filter((each) => each !== undefined);
  }

  /** Goes from group to group of queues until every lease is given out. */
  private async fill(
    groups: readonly (readonly string[])[],
    rows: readonly LeaseRow[],
    take: (
      group: readonly string[],
      left: readonly LeaseRow[],
    ) => Promise<readonly (ClaimedTask | undefined)[]>,
  ): Promise<readonly ClaimedTask[]> {
    const claimed: ClaimedTask[] = [];
    for (const group of groups) {
      const left = rows.slice(claimed.length);
      if (left.length === 0) break;
      const taken = (await unlessTaken(claimed, take(group, left))) ?? [];
      claimed.push(...taken.filter((each) => each !== undefined));
    }
    return claimed;
  }

  /** Claims of one turn that want the same go together. */
  private batchOf(queues: readonly string[], offer: string): TurnBatch<LeaseRow, ClaimedTask | undefined> {
    const name = JSON.stringify([offer, queues]);
    const known = this.batches.get(name);
    if (known !== undefined) return known;
    const batch = new TurnBatch(async (rows: readonly LeaseRow[]) => {
      this.batches.delete(name);
      return (await this.search({ queues, further: [], claimKey: '', offer }, rows)).taken;
    }, ROWS_PER_SCRIPT);
    this.batches.set(name, batch);
    return batch;
  }

  private async search(search: Search, rows: readonly LeaseRow[]): Promise<Found> {
    const taken: ClaimedTask[] = [];
    const held = (await unlessTaken(taken, this.searchInto(taken, search, rows))) ?? [];
    return held.length > 0 ? { held, taken: [] } : { held, taken: rows.map((_, index) => taken[index]) };
  }

  /**
   * Claims, expiring what is in the way, until every lease is given out or nothing is ready. Answers what the claim held
   * already.
   */
  private async searchInto(
    taken: ClaimedTask[],
    search: Search,
    rows: readonly LeaseRow[],
  ): Promise<readonly ClaimedTask[]> {
    for (;;) {
      const now = this.clock.now();
      const { held, claimed, expired } = await this.run(search, rows.slice(taken.length), now);
      if (held.length > 0) return held;
      taken.push(...claimed);
      await this.expire(expired, now);
      if (expired.length < PASS_OVER || taken.length === rows.length) return [];
    }
  }

  private async run(search: Search, rows: readonly LeaseRow[], now: Moment): Promise<Run> {
    const { connection, keys, events } = this.parts;
    const { queues, further, claimKey, offer } = search;
    const instant = JSON.stringify(new Date(now.wall).toISOString());
    const call = {
      keys: [...queues, ...further].map((queue) => keys.queue(queue)),
      args: [
        ...[queues.length, claimKey, now.wall, now.steady, instant],
        ...[channelArg(events, 'processing'), events.streamLength, PASS_OVER, offer],
        ...rows.flatMap(leaseArgs),
      ],
    };
    return connection.writeScript(CLAIM, call, (reply) => this.take(reply as Reply, rows, now));
  }

  private take([held, claimed, expired]: Reply, rows: readonly LeaseRow[], now: Moment): Run {
    // What a claim holds is a set; it is answered in the order in which it was claimed.
    const present = held
      .toSorted(byPlace)
      .map(([, head, spec, core, lease, payload]) =>
        this.hold(head, decodeTask([head, spec, core, lease]), payload),
      );
    const taken = claimed.map(([, head, spec, core, payload], index) => {
      const row = rows[index];
      return this.hold(
        head,
        decodeTask(
          [head, spec, core, ''],
          row && ((timeout) => grantLease(timeout, Object.assign({ leaseId: row.leaseId }, row.grant), now)),
        ),
        payload,
      );
    });
    this.parts.feed.tell(
      taken.map(({ task }, index) => [{ task, type: 'processing', at: now.wall }, claimed[index]?.[0] ?? '']),
    );
    return { held: present, claimed: taken, expired };
  }
  private hold(head: string, task: Task, payload: Payload): ClaimedTask {
    this.parts.directory.remember(task.spec.id, task.spec.queue);
    this.parts.held.note(task, head);
    return { task: task as ProcessingTask, payload };
  }

  private expire(rows: readonly ExpiredRow[], now: Moment): Promise<unknown> {
    const tasks = rows.flatMap((fields) => this.parts.records.decode(fields) ?? []);
    return this.writer.replace(tasks.flatMap((task) => tick(task, now) ?? []));
  }
}

/** A further step of a claim. Once tasks are taken they are answered, whatever fails after that: nobody else has them. */
async function unlessTaken<T>(taken: readonly ClaimedTask[], step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (taken.length === 0 || !(error instanceof StoreUnavailable)) throw error;
    return undefined;
  }
}
