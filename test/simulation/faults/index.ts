import type { Type } from '@nestjs/common';
import type { FinishedBatch } from '../../../src/batches/batch.js';
import { BatchEvents } from '../../../src/batches/batch-events.js';
import { BatchService } from '../../../src/batches/batch.service.js';
import type { Caller } from '../../../src/queue/caller.js';
import { type Claim, ClaimService } from '../../../src/queue/claim.service.js';
import { DepthGate } from '../../../src/queue/depth-gate.js';
import { QueueService, type TaskDraft } from '../../../src/queue/queue.service.js';
import { StatusService } from '../../../src/queue/status.service.js';
import { WaitingRoom } from '../../../src/queue/waiting-room.js';
import { WorkService } from '../../../src/queue/work.service.js';
import type { DocumentKind, NewDocument, StoredDocument } from '../../../src/storage/document-store.js';
import { RankedSet } from '../../../src/storage/embedded/ranked-set.js';
import type { ClaimedTask, ClaimRequest, TaskStore } from '../../../src/storage/task-store.js';
import type { QueueSettingsStore } from '../../../src/storage/queue-settings-store.js';
import type { TaskViews } from '../../../src/storage/task-views.js';
import type { QueueSettings, QueueSettingsChange } from '../../../src/task/queue-settings.js';
import { LeaseLost, TaskConflict, TaskNotFound } from '../../../src/task/task.errors.js';
import { release, tick } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';
import type { Delivery } from '../../../src/webhooks/delivery.js';
import { DueDeliveries } from '../../../src/webhooks/due-deliveries.js';
import { WebhookSender } from '../../../src/webhooks/webhook-sender.js';
import type { Fault } from './fault.js';
import { spoil, spoilClass } from './spoil.js';

function inPlaceOf(sound: object, faulty: Type): ReadonlyMap<object, Type> {
  return new Map([[sound, faulty]]);
}

/** A member that a class keeps to itself. */
function part(owner: object, name: string): never {
  return Reflect.get(owner, name) as never;
}

/** The store of a service. */
function storeOf(owner: object): TaskStore {
  return part(owner, 'store');
}

/** Asks again as soon as it has been refused for want of a token. */
class RestlessRoom extends WaitingRoom {
  override claim(request: ClaimRequest, wait: number, caller: Caller): Promise<readonly ClaimedTask[]> {
    const claimed = super.claim(request, wait, caller);
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    claimed.then(end, end);
    const store = storeOf(this);
    const ask = async () => {
      const [queue = ''] = request.queues;
      while (!isOver && (await store.settings.untilAllowed(queue)) > 0) await store.settings.of(queue);
    };
    void ask().catch(() => undefined);
    return claimed;
  }
}

/** Takes back what another call has answered with. */
class GrabbingClaims extends ClaimService {
  override async claim(claim: Claim, caller: Caller): Promise<readonly ClaimedTask[]> {
    const claimed = await super.claim(claim, caller);
    const store = storeOf(this);
    caller.onGone(() => void this.grab(store, claim));
    return claimed;
  }

  private async grab(store: TaskStore, { claimId }: Claim): Promise<void> {
    const { tasks } = await store.views.list({ states: ['processing'], limit: 100 });
    for (const task of tasks) {
      if (claimId === undefined || task.state !== 'processing' || task.lease.claimId !== claimId) continue;
      const given = release(task, { leaseId: task.lease.id }, store.clock.now());
      if (given !== undefined) await store.replace([given]);
    }
  }
}

/** Tells the first end of a batch and takes every later one for told. */
class TellsOnce extends BatchEvents {
  private readonly told = new Set<string>();

  override async done(batch: FinishedBatch): Promise<void> {
    if (this.told.has(batch.id)) return;
    this.told.add(batch.id);
    await super.done(batch);
  }
}

/** Looks at one batch after the other, each for a while. */
class SlowBatches extends BatchService {
  private before: Promise<unknown> = Promise.resolve();

  override settle(...args: Parameters<BatchService['settle']>): ReturnType<BatchService['settle']> {
    const settled = this.before.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      return super.settle(...args);
    });
    this.before = settled.catch(() => undefined);
    return settled;
  }
}

/** Spreads all queues over the arguments of one call. */
class SpreadingStatus extends StatusService {
  override async text(...args: Parameters<StatusService['text']>): ReturnType<StatusService['text']> {
    const text = await super.text(...args);
    const { queues } = JSON.parse(Buffer.concat(text).toString()) as { queues: object };
    Math.min(...Object.keys(queues).map((name) => name.length));
    return text;
  }
}

/** Compares labels in the order in which they are kept. */
class OrderingQueue extends QueueService {
  override async enqueue(draft: TaskDraft): ReturnType<QueueService['enqueue']> {
    const known = await storeOf(this).find(draft.spec.id);
    const byPair = Object.entries(draft.spec.requires ?? {}).map(([label, value]) => `${label}=${value}`);
    const byName = Object.keys(draft.spec.requires ?? {}).toSorted();
    const isSame = byPair.toSorted().every((pair, index) => pair.startsWith(`${byName[index]}=`));
    if (known !== undefined && !isSame) throw new TaskConflict(draft.spec.id);
    return super.enqueue(draft);
  }
}

/** Gives room to tasks that are there already. */
class CrowdedGate extends DepthGate {
  override async admit<T extends { readonly spec: Pick<TaskDraft['spec'], 'id' | 'queue'> }>(
    drafts: readonly T[],
  ) {
    const admission = await super.admit(drafts);
    const store = storeOf(this);
    const found = await Promise.all(drafts.map(({ spec }) => store.find(spec.id)));
    const repeated = found.filter((task) => task !== undefined).length;
    const fresh = drafts.filter(
      (draft, index) => found[index] === undefined && admission.admitted.has(draft),
    );
    const refused = new Set(repeated === 0 ? [] : fresh.slice(-repeated));
    return {
      ...admission,
      admitted: new Set([...admission.admitted].filter((draft) => !refused.has(draft))),
    };
  }
}

/** Knows nothing of clears. */
class ForgetfulWork extends WorkService {
  override async finish(...args: Parameters<WorkService['finish']>): ReturnType<WorkService['finish']> {
    return super.finish(...args).catch((error: unknown) => {
      throw error instanceof LeaseLost && error.reason === 'cleared' ? new TaskNotFound(args[0]) : error;
    });
  }
}

/**
 * Faults that the service had in November 2026, each planted where it was or where it does the same, and relatives of
 * theirs. A number is that of no list: names say what goes wrong.
 */
export const FAULTS: readonly Fault[] = [
  {
    name: 'idle polls spin',
    point: 1,
    where: { theme: 'rates' },
    classes: inPlaceOf(WaitingRoom, RestlessRoom),
  },
  {
    name: 'a token is announced too late',
    point: 19,
    where: { theme: 'rates' },
    plant: ({ store }) =>
      spoil(store.settings, 'untilAllowed', (real: QueueSettingsStore['untilAllowed']) => async (queue) => {
        const wait = await real(queue);
        return wait > 0 && wait < 500 ? 100_000 : wait;
      }),
  },
  {
    name: 'a repeated claim loses its lease',
    point: 2,
    where: { theme: 'claims' },
    classes: inPlaceOf(ClaimService, GrabbingClaims),
  },
  { name: 'a hang-up is not noticed', point: 3, where: { theme: 'claims' }, isDeaf: true },
  {
    name: 'a second poll with one claim_id waits on',
    point: 13,
    where: { theme: 'claims' },
    plant: ({ store }) =>
      spoil(store, 'claim', (real: TaskStore['claim']) => async (request) => {
        const claimed = await real(request);
        return claimed.filter(({ task }) => request.leaseIds.includes(task.lease.id));
      }),
  },
  {
    name: 'the second end of a batch is not told',
    point: 4,
    where: { theme: 'batches' },
    classes: inPlaceOf(BatchEvents, TellsOnce),
  },
  {
    name: 'one batch holds up the others',
    point: 19,
    where: { theme: 'batches' },
    classes: inPlaceOf(BatchService, SlowBatches),
  },
  {
    name: 'status fails with many queues',
    point: 5,
    where: { theme: 'crowd' },
    classes: inPlaceOf(StatusService, SpreadingStatus),
  },
  {
    name: 'an identical enqueue is a conflict',
    point: 6,
    where: { theme: 'conflicts' },
    classes: inPlaceOf(QueueService, OrderingQueue),
  },
  {
    name: 'a claim expires a whole backlog',
    point: 7,
    where: { theme: 'backlog' },
    plant: ({ store }) =>
      spoil(store, 'claim', (real: TaskStore['claim']) => async (request) => {
        const now = store.clock.now();
        const { tasks } = await store.views.list({ states: ['queued'], limit: 10_000 });
        const expired = tasks.flatMap((task) => tick(task, now) ?? []);
        if (expired.length > 0) await store.replace(expired);
        return real(request);
      }),
  },
  {
    name: 'a write that fails leaves its tasks busy',
    point: 8,
    where: { theme: 'plain', store: 'embedded' },
    plant: ({ store }) => {
      let writes = 0;
      return spoil(
        part(store, 'commits'),
        'commit',
        (real: (...args: never[]) => Promise<void>) =>
          async (...args) => {
            writes += 1;
            return writes === 9 ? new Promise<void>(() => undefined) : real(...args);
          },
      );
    },
  },
  {
    name: 'an index disagrees with the file',
    point: 8,
    where: { theme: 'plain', store: 'embedded' },
    plant: ({ store }) => {
      let moves = 0;
      return spoil(part(store, 'index'), 'move', (real: (...args: never[]) => void) => (...args) => {
        moves += 1;
        if (moves % 11 !== 0) real(...args);
      });
    },
  },
  {
    name: 'retention takes too little for what is kept',
    point: 9,
    where: { theme: 'retention' },
    flavour: (flavour) => ({ ...flavour, retentionMaxBytes: flavour.retentionMaxBytes * 20 }),
  },
  {
    name: 'repeated tasks take the room of new ones',
    point: 10,
    where: { theme: 'depth' },
    classes: inPlaceOf(DepthGate, CrowdedGate),
  },
  {
    name: 'a list costs its limit times all queues',
    point: 11,
    where: { theme: 'crowd', store: 'embedded' },
    plant: ({ store }) =>
      spoil(store.views, 'list', (real: TaskViews['list']) => async (query) => {
        const queues = (await store.views.counts()).length;
        const set = new RankedSet();
        for (let look = 0; look < query.limit * queues; look += 1) set.below(look);
        return real(query);
      }),
  },
  {
    name: 'a limit of 0 lets one task of a group out',
    point: 12,
    where: { theme: 'limits' },
    plant: ({ store }) => {
      const none = new Set<string>();
      const shown = (queue: string, settings: QueueSettings): QueueSettings =>
        none.has(queue) ? { ...settings, maxConcurrencyPerGroup: 0 } : settings;
      const undo = [
        spoil(
          store.settings,
          'change',
          (real: QueueSettingsStore['change']) => async (queue: string, change: QueueSettingsChange) => {
            if (change.maxConcurrencyPerGroup === 0) none.add(queue);
            else if (change.maxConcurrencyPerGroup !== undefined) none.delete(queue);
            const given =
              change.maxConcurrencyPerGroup === 0 ? { ...change, maxConcurrencyPerGroup: 1 } : change;
            return shown(queue, await real(queue, given));
          },
        ),
        spoil(
          store.settings,
          'of',
          (real: QueueSettingsStore['of']) => async (queue) => shown(queue, await real(queue)),
        ),
      ];
      return () => undo.forEach((each) => each());
    },
  },
  { name: 'a clear wakes nobody', point: 14, where: { theme: 'clears' }, isClearSilent: true },
  {
    name: 'a cleared lease is answered 404',
    point: 15,
    where: { theme: 'clears' },
    classes: inPlaceOf(WorkService, ForgetfulWork),
  },
  {
    name: 'positions ignore that tasks age',
    point: 16,
    where: { theme: 'ageing' },
    plant: ({ store }) =>
      spoil(store.views, 'position', (real: TaskViews['position']) => async (task: Task) => {
        const { queue, priority } = task.spec;
        if ((await store.settings.of(queue)).priorityAgeing === undefined) return real(task);
        const { tasks } = await store.views.list({ states: ['queued'], queues: [queue], limit: 1_000 });
        const inOrder = tasks.toReversed().toSorted((one, other) => other.spec.priority - one.spec.priority);
        const index = inOrder.findIndex(({ spec }) => spec.id === task.spec.id && spec.priority === priority);
        return index === -1 ? undefined : index + 1;
      }),
  },
  {
    name: 'a webhook that is sent again waits as before',
    point: 17,
    where: { theme: 'receivers' },
    plant: ({ store }) =>
      spoil(
        store.documents,
        'put',
        (real: (kind: DocumentKind, document: NewDocument) => Promise<number | undefined>) =>
          async (kind: DocumentKind, document: NewDocument) => {
            const before = kind === 'delivery' ? await store.documents.get(kind, document.id) : undefined;
            return real(kind, { ...document, text: withAttemptsOf(before, document.text) });
          },
      ),
  },
  {
    name: 'each attempt leaves a listener',
    point: 18,
    where: { theme: 'receivers' },
    plant: () =>
      spoilClass(
        WebhookSender,
        'post',
        (real: WebhookSender['post']) =>
          (posting: Parameters<WebhookSender['post']>[0], signal: AbortSignal) => {
            signal.addEventListener('abort', () => undefined);
            return real(posting, signal);
          },
      ),
  },
  {
    name: 'a courier forgets what waits',
    point: 19,
    where: { theme: 'webhooks' },
    plant: () => {
      let added = 0;
      return spoilClass(DueDeliveries, 'add', (real: DueDeliveries['add']) => (delivery) => {
        added += 1;
        if (added % 4 !== 0) real(delivery);
      });
    },
  },
  {
    name: 'a look at what is due loses deadlines',
    point: 19,
    where: { theme: 'plain', store: 'embedded' },
    plant: ({ store }) => {
      let looks = 0;
      return spoil(store, 'due', (real: TaskStore['due']) => async (limit) => {
        looks += 1;
        const index: { takeDue: (now: unknown) => unknown } = part(store, 'index');
        if (looks % 3 === 0) index.takeDue(store.clock.now());
        return real(limit);
      });
    },
  },
  {
    name: 'an enqueue tells no waiter',
    where: { theme: 'plain' },
    plant: ({ store }) =>
      spoil(store, 'watch', (real: TaskStore['watch']) => (watcher) => {
        real({
          onTransitions: (transitions) =>
            watcher.onTransitions(transitions.filter(({ state }) => state !== 'queued')),
          onLimitsRelaxed: (queue) => watcher.onLimitsRelaxed?.(queue),
          onGap: () => watcher.onGap(),
        });
      }),
  },
];

/** What a delivery is when it keeps the count of its attempts. */
function withAttemptsOf(before: StoredDocument | undefined, text: string): string {
  if (before === undefined) return text;
  const [known, next] = [JSON.parse(before.text) as Delivery, JSON.parse(text) as Delivery];
  return next.state === 'pending' && next.attempts === 0
    ? JSON.stringify({ ...next, attempts: known.attempts })
    : text;
}
