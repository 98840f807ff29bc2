import type { Clock, Moment } from '../../../task/clock.js';
import { grantLease, tick } from '../../../task/task.machine.js';
import type { ProcessingTask, Task } from '../../../task/task.js';
import { type ClaimedTask, type ClaimRequest, type Payload, StoreUnavailable } from '../../task-store.js';
import { claimKeyOf } from '../../claim-key.js';
import { channelArg } from '../records/events.js';
import { LuaScript } from '../connection/lua-script.js';
import { isSlotMoving } from '../connection/store-connection.js';
import type { StoreParts } from '../records/store-parts.js';
import { decodeTask, placeOf } from '../records/task-codec.js';
import type { TaskWriter } from './task-writer.js';
import { type Bounds, ROWS_PER_SCRIPT, TurnPipeline } from '../connection/pipeline.js';
import { type Labels, pairsOf } from '../../../task/requirements.js';
import type { DanglingEntry } from '../records/repairs.js';

const CLAIM = new LuaScript('claim', {
  runsWhenFull: true,
});

/**
 * The most expired tasks that one script passes over. They are expired afterwards, and the next script continues behind
 * them.
 */
const PASS_OVER = 64;
/** The most tasks that one script takes. */
const LEASES_PER_STEP = 50;
/** Characters of payloads after which a script hands out no further payload. */
const CHARACTERS_PER_STEP = 262_144;

/** Split here, see `searchInto`. */
const CLAIMS: Bounds<LeaseRow> = { joined: ROWS_PER_SCRIPT, atOnce: Infinity };

/** The queues of a search, and the worker. */
interface Search {
  /** Queues to take from, in order. */
  readonly queues: readonly string[];
  /** Further queues in which the claim may hold tasks. */
  readonly further: readonly string[];
  /** The labels of the worker, in the form of the script. */
  readonly offer: string;
  /** The claim id; empty without one. */
  readonly claimKey: string;
}

interface Found {
  /** Tasks that the claim held already. Then nothing was taken. */
  readonly held: readonly ClaimedTask[];
  /** The claimed task of each lease; `undefined` when nothing was ready. */
  readonly taken: readonly (ClaimedTask | undefined)[];
}

/** One of the scripts of a call. */
interface Step {
  readonly rows: readonly LeaseRow[];
  /** Whether it looks for tasks that the claim holds already. */
  readonly isFirst: boolean;
}

/** A processing task, perhaps without its payload. */
interface FoundTask {
  readonly task: ProcessingTask;
  readonly texts: Texts | undefined;
}

/** The payload and the checkpoint of a task. */
type Texts = Pick<ClaimedTask, 'payload' | 'checkpoint'>;

/** The result of one run of the script. */
interface Run {
  readonly held: readonly FoundTask[];
  readonly claimed: readonly FoundTask[];
  readonly expired: readonly ExpiredRow[];
  /** Entries without a record that the script removed. */
  readonly dropped: number;
  /** Whether the work exceeded one script. */
  readonly isCut: boolean;
}

/** Claims ready tasks. */
export class TaskClaimer {
  private readonly pipelines = new Map<string, TurnPipeline<LeaseRow, ClaimedTask | undefined>>();

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
    return this.fill(groups, rows, (group, left) => this.pipelineOf(group, offer).add(left));
  }

  /** A claim call with an id returns the tasks that it holds already, or else new ones. */
  private async claimOnce(wanted: Search, rows: readonly LeaseRow[]): Promise<readonly ClaimedTask[]> {
    const { queues, claimKey } = wanted;
    const before = await this.parts.claimNames.add(claimKey, queues);
    const further = before.filter((name) => !queues.includes(name));
    const search = { ...wanted, further };
    const claimed = this.parts.connection.isCluster
      ? await this.claimNodeByNode(search, rows)
      : await this.claimAt(search, rows);
    if (claimed.length === 0) return claimed;
    const leases = claimed.map(({ task }) => task.lease);
    const longest = leases.reduce((one, other) => (other.expiresAt > one.expiresAt ? other : one));
    await orNothingMore(claimed, this.parts.claimNames.keep(claimKey, longest));
    return claimed;
  }

  /**
   * In a Cluster, no script sees all queues. Looks in all of them for tasks that the claim holds before it takes any.
   */
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

  /**
   * Goes through the groups of queues until every lease is used. A queue whose slot is being moved does not keep a
   * worker from the others.
   *
   * @throws StoreUnavailable when that was the only one which may have something
   */
  private async fill(
    groups: readonly (readonly string[])[],
    rows: readonly LeaseRow[],
    take: (
      group: readonly string[],
      left: readonly LeaseRow[],
    ) => Promise<readonly (ClaimedTask | undefined)[]>,
  ): Promise<readonly ClaimedTask[]> {
    const claimed: ClaimedTask[] = [];
    let refusal: StoreUnavailable | undefined;
    for (const group of groups) {
      const left = rows.slice(claimed.length);
      if (left.length === 0) break;
      const step = take(group, left).catch((error: unknown) => {
        if (!isSlotMoving(error)) throw error;
        refusal = error;
        return [];
      });
      const taken = (await orNothingMore(claimed, step)) ?? [];
      claimed.push(...taken.filter((each) => each !== undefined));
    }
    if (claimed.length === 0 && refusal !== undefined) throw refusal;
    return claimed;
  }

  /** Joins equal claims of one turn. */
  private pipelineOf(
    queues: readonly string[],
    offer: string,
  ): TurnPipeline<LeaseRow, ClaimedTask | undefined> {
    const name = JSON.stringify([offer, queues]);
    const known = this.pipelines.get(name);
    if (known !== undefined) return known;
    const pipeline = new TurnPipeline(async (rows: readonly LeaseRow[]) => {
      this.pipelines.delete(name);
      return (await this.search({ queues, further: [], claimKey: '', offer }, rows)).taken;
    }, CLAIMS);
    this.pipelines.set(name, pipeline);
    return pipeline;
  }

  private async search(search: Search, rows: readonly LeaseRow[]): Promise<Found> {
    const taken: (ClaimedTask | undefined)[] = [];
    const held = (await orNothingMore(taken, this.searchInto(taken, search, rows))) ?? [];
    return held.length > 0 ? { held, taken: [] } : { held, taken: rows.map((_, index) => taken[index]) };
  }

  /**
   * Claims until every lease is used or nothing is ready, and expires tasks that are due. Returns the tasks that the
   * claim held already.
   */
  private async searchInto(
    taken: (ClaimedTask | undefined)[],
    search: Search,
    rows: readonly LeaseRow[],
  ): Promise<readonly ClaimedTask[]> {
    for (let step = 0; ; step += 1) {
      const now = this.clock.now();
      const left = rows.slice(taken.length, taken.length + LEASES_PER_STEP);
      const { held, claimed, expired, dropped, isCut } = await this.run(
        search,
        { rows: left, isFirst: step === 0 },
        now,
      );
      if (held.length > 0) {
        await this.confirm(held);
        return (await this.withTexts(held)).filter((each) => each !== undefined);
      }
      taken.push(...(await this.withTexts(claimed)));
      await this.expire(expired, now);
      const isDry = claimed.length < left.length && expired.length + dropped < PASS_OVER && !isCut;
      if (isDry || taken.length === rows.length) return [];
    }
  }

  /**
   * Reads the payloads that the script left out. A task gets no row if it was cleared meanwhile, or if its payload
   * cannot be read while others can be handed out.
   */
  private async withTexts(found: readonly FoundTask[]): Promise<readonly (ClaimedTask | undefined)[]> {
    const reads = await Promise.allSettled(
      found.map(async ({ task, texts }) => texts ?? (await this.readTexts(task))),
    );
    const failure = reads.find((read) => read.status === 'rejected');
    if (failure !== undefined && !reads.some(({ status }) => status === 'fulfilled')) {
      throw new StoreUnavailable('A part of the call failed', 'unknown', { cause: failure.reason });
    }
    return found.map(({ task }, index) => {
      const read = reads[index];
      return read?.status === 'fulfilled' && read.value !== undefined ? { task, ...read.value } : undefined;
    });
  }

  /** Tasks held already get the same result as new ones. */
  private async confirm(found: readonly FoundTask[]): Promise<void> {
    const { connection, keys } = this.parts;
    const queues = new Set(found.map(({ task }) => task.spec.queue));
    await Promise.all([...queues].map((queue) => connection.confirm(keys.confirmation(queue))));
  }

  private async readTexts(task: ProcessingTask): Promise<Texts | undefined> {
    const { connection, keys } = this.parts;
    const { queue, id } = task.spec;
    const [payload = null, checkpoint = null] = await connection.read((client) =>
      client.hmget(keys.task(queue, id), 'payload', 'checkpoint'),
    );
    return payload === null ? undefined : textsOf(task, payload, checkpoint);
  }

  private async run(search: Search, { rows, isFirst }: Step, now: Moment): Promise<Run> {
    const { connection, keys, events } = this.parts;
    const { queues, further, claimKey, offer } = search;
    const instant = JSON.stringify(new Date(now.wall).toISOString());
    const call = {
      keys: [...queues, ...further].map((queue) => keys.queue(queue)),
      args: [
        ...[queues.length, claimKey, isFirst ? 1 : 0, now.wall, now.steady, instant],
        ...[channelArg(events, 'processing'), events.streamLength, PASS_OVER, CHARACTERS_PER_STEP, offer],
        ...rows.flatMap(leaseArgs),
      ],
    };
    return connection.writeScript(CLAIM, call, (reply) => this.take(reply as Reply, rows, now));
  }

  private take(
    [held, claimed, expired, dangling, isCut]: Reply,
    rows: readonly LeaseRow[],
    now: Moment,
  ): Run {
    // A claim holds a set; the result has the order in which the tasks were claimed.
    const present = held
      .toSorted(byPlace)
      .map(([, head, spec, core, lease]) => this.hold(head, decodeTask([head, spec, core, lease]), null));
    const taken = claimed.map(([, head, spec, core, payload, checkpoint], index) => {
      const row = rows[index];
      return this.hold(
        head,
        decodeTask(
          [head, spec, core, ''],
          row && ((span) => grantLease(span, Object.assign({ leaseId: row.leaseId }, row.grant), now)),
        ),
        payload === null ? null : [payload, checkpoint],
      );
    });
    this.parts.commitFeed.publish(
      taken.map(({ task }, index) => [{ task, type: 'processing', at: now.wall }, claimed[index]?.[0] ?? '']),
    );
    this.parts.repairs.logRemoved(dangling);
    return { held: present, claimed: taken, expired, dropped: dangling.length, isCut: isCut === 1 };
  }

  private hold(head: string, task: Task, texts: readonly [string, string | null] | null): FoundTask {
    this.parts.directory.remember(task.spec.id, task.spec.queue);
    this.parts.heads.rememberWrite(task, head);
    return { task: task as ProcessingTask, texts: texts === null ? undefined : textsOf(task, ...texts) };
  }

  private expire(rows: readonly ExpiredRow[], now: Moment): Promise<unknown> {
    const tasks = rows.flatMap((fields) => this.parts.heads.decode(fields) ?? []);
    return this.writer.replace(tasks.flatMap((task) => tick(task, now) ?? []));
  }
}

/** A further step of a claim. Its tasks are returned even if a later step fails: no other call gets them. */
async function orNothingMore<T>(taken: readonly unknown[], step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (taken.length === 0 || !(error instanceof StoreUnavailable)) throw error;
    return undefined;
  }
}

/** One lease to grant. */
interface LeaseRow {
  readonly leaseId: string;
  readonly grant: ClaimRequest['grant'];
}

/** The reply of the claim script. */
type Reply = readonly [
  held: readonly HeldRow[],
  claimed: readonly ClaimedRow[],
  expired: readonly ExpiredRow[],
  dangling: readonly DanglingEntry[],
  isCut: number,
];
type HeldRow = readonly [queue: number, head: string, spec: string, core: string, lease: string];
type ClaimedRow = readonly [
  event: string,
  head: string,
  spec: string,
  core: string,
  payload: string | null,
  checkpoint: string | null,
];
type ExpiredRow = readonly [head: string, spec: string, core: string];

/** A process of an earlier version drops the size of a checkpoint from a task that it writes, and leaves the text. */
function textsOf({ checkpoint }: Task, payload: Payload, text: string | null): Texts {
  return checkpoint === undefined || text === null ? { payload } : { payload, checkpoint: text };
}

/** By queue, then in the order in which they were claimed. */
function byPlace([queue, head]: HeldRow, [otherQueue, otherHead]: HeldRow): number {
  return queue - otherQueue || placeOf(head) - placeOf(otherHead);
}

/** The labels of a worker, in the form of the script. */
function offerOf(labels: Labels = {}): string {
  return `,${pairsOf(labels).join(',')},`;
}

function leaseArgs({ leaseId, grant: { workerId, claimId, lease, grace } }: LeaseRow): string[] {
  const begin = JSON.stringify({ id: leaseId, workerId, claimId }).slice(0, -1);
  const ending = workerId === undefined ? '}' : `,"worker_id":${JSON.stringify(workerId)}}`;
  return [begin, lease === undefined ? `+${grace}` : String(lease), ending];
}
