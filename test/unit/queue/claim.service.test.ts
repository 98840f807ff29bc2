import { LeaseIds } from '../../../src/auth/lease-ids.js';
import { loadConfig } from '../../../src/config/config.js';
import { openParking } from '../../../src/queue/parking.module.js';
import type { Caller } from '../../../src/queue/caller.js';
import { ClaimService } from '../../../src/queue/claim.service.js';
import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { TaskChanger } from '../../../src/queue/task-changer.js';
import { WaitingRoom } from '../../../src/queue/waiting-room.js';
import { WorkerActivity } from '../../../src/queue/worker-activity.js';
import type { TaskStore } from '../../../src/storage/task-store.js';
import { create } from '../../../src/task/task.machine.js';
import { DistantStore } from '../../support/distant-store.js';
import { spec } from '../../support/task.builders.js';

const CONFIG = loadConfig({});
const CLAIM = { queues: ['default'], maxTasks: 1, wait: 0, workerId: 'w1', claimId: 'c1' };

/** Workers that are all told to drain when the test says so. */
class Drains extends WorkerActivity {
  private isOn = false;
  private readonly callbacks = new Set<() => void>();

  markSeen(): void {}

  isDraining(): boolean {
    return this.isOn;
  }

  onDrain(_: string, callback: () => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  begin(): void {
    this.isOn = true;
    for (const callback of this.callbacks) callback();
  }
}

/** A connection whose key is withdrawn while a claim is under way, and whose answer is sent without what it claimed. */
class KeylessLine implements Caller {
  isGone = false;
  private readonly endings: ((isWhole: boolean) => void)[] = [];

  onGone(): void {}

  requireEntry(): void {
    if (this.isGone) throw new Error('The key is not valid any more');
  }

  onAnswered(callback: (isWhole: boolean) => void): void {
    this.endings.push(callback);
  }

  answer(): void {
    for (const ending of this.endings.splice(0)) ending(true);
  }
}

/** A connection whose end the test decides. */
class Line implements Caller {
  isGone = false;
  private readonly endings: ((isWhole: boolean) => void)[] = [];

  onGone(): void {}

  requireEntry(): void {}

  onAnswered(callback: (isWhole: boolean) => void): void {
    this.endings.push(callback);
  }

  end(isWhole: boolean): void {
    this.isGone = !isWhole;
    for (const ending of this.endings.splice(0)) ending(isWhole);
  }
}

let store: DistantStore;
let rooms: WaitingRoom[];

beforeEach(async () => {
  store = new DistantStore();
  rooms = [];
  await store.insert([{ transition: create(spec({ id: 'a' }), store.clock.now()), payload: '' }]);
});

afterEach(() => {
  for (const room of rooms) room.onModuleDestroy();
});

/** The service of one process. */
function processAt(at: TaskStore, workers = new Drains()): ClaimService {
  const room = new WaitingRoom(at, openParking(CONFIG), new SettingsCache(at));
  rooms.push(room);
  const leaseIds = new LeaseIds(at, at.documents, CONFIG);
  return new ClaimService(at, room, new TaskChanger(at), CONFIG, workers, leaseIds);
}

async function leaseOf(service: ClaimService, line = new Line(), wait = 0): Promise<string | undefined> {
  const [claimed] = await service.claim({ ...CLAIM, wait }, line);
  return claimed?.task.lease.id;
}

async function heldLease(): Promise<string | undefined> {
  await store.quiet();
  const task = await store.unseen.find('a');
  return task?.state === 'processing' ? task.lease.id : undefined;
}

/** Lets writes of the first process wait until the function is called. */
function holdWrites(): () => void {
  const { replace } = store;
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.replace = async (changes) => {
    await held;
    return replace.call(store, changes);
  };
  return () => {
    store.replace = replace;
    release();
  };
}

/** The store carries out the next claim at once, and answers it when the function is called. */
function holdClaim(): () => void {
  const { claim } = store;
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.claim = async (request) => {
    store.claim = claim;
    const claimed = await claim.call(store, request);
    await held;
    return claimed;
  };
  return release;
}

/** Acts before the next claim of the store. */
function beforeClaim(act: () => void): void {
  const claim = store.claim.bind(store);
  store.claim = async (request) => {
    store.claim = claim;
    act();
    return claim(request);
  };
}

/** Acts before the store reads settings the next time. */
function beforeSettings(act: () => void): void {
  const all = store.settings.all.bind(store.settings);
  store.settings.all = async () => {
    store.settings.all = all;
    act();
    return all();
  };
}

describe('a worker that is told to drain while its call is under way', () => {
  it('gets nothing new when the call still waited for the secret of lease ids', async () => {
    const workers = new Drains();
    const service = processAt(store, workers);
    const claimed = service.claim({ ...CLAIM, claimId: undefined }, new Line());
    workers.begin();
    expect(await claimed).toEqual([]);
    expect(await heldLease()).toBeUndefined();
  });

  it('gets nothing new when the poll still waited for settings', async () => {
    const workers = new Drains();
    const service = processAt(store, workers);
    beforeSettings(() => workers.begin());
    const claimed = service.claim({ ...CLAIM, claimId: undefined, wait: 10 }, new Line());
    expect(await claimed).toEqual([]);
    expect(await heldLease()).toBeUndefined();
  });
});

describe('a lease for a key that is withdrawn while it is claimed', () => {
  it('goes back at once, also when the answer of its request is sent without it', async () => {
    const service = processAt(store);
    const line = new KeylessLine();
    beforeClaim(() => {
      line.isGone = true;
    });
    await expect(service.claim(CLAIM, line)).rejects.toThrow('not valid any more');
    line.answer();
    expect(await heldLease()).toBeUndefined();
  });
});

describe('a lease that is in the answers of two calls', () => {
  it('stays when the second one loses its answer', async () => {
    const service = processAt(store);
    const [one, other] = [new Line(), new Line()];
    const lease = await leaseOf(service, one);
    expect(await leaseOf(service, other)).toBe(lease);
    one.end(true);
    other.end(false);
    expect(await heldLease()).toBe(lease);
  });

  it('stays when the first one loses its answer before or after the second one gets it', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const service = processAt(store);
      const lines = [new Line(), new Line()];
      const lease = await leaseOf(service, lines[0]);
      expect(await leaseOf(service, lines[1])).toBe(lease);
      for (const index of order) lines[index]?.end(index === 1);
      expect(await heldLease()).toBe(lease);
      await store.clear({});
      await store.insert([{ transition: create(spec({ id: 'a' }), store.clock.now()), payload: '' }]);
    }
  });

  it('goes back when both lose their answers', async () => {
    const service = processAt(store);
    const lines = [new Line(), new Line()];
    for (const line of lines) await leaseOf(service, line);
    for (const line of lines) line.end(false);
    expect(await heldLease()).toBeUndefined();
  });

  it('is asked for once more by a call that comes while it is given back', async () => {
    const service = processAt(store);
    const line = new Line();
    const first = await leaseOf(service, line);
    const release = holdWrites();
    line.end(false);
    const second = leaseOf(service);
    await store.quiet();
    release();
    expect(await second).toBeDefined();
    expect(await second).not.toBe(first);
    expect(await heldLease()).toBe(await second);
  });

  it('goes back when a call is lost again and again', async () => {
    const service = processAt(store);
    for (let round = 0; round < 3; round += 1) {
      const line = new Line();
      expect(await leaseOf(service, line)).toBeDefined();
      line.end(false);
    }
    expect(await heldLease()).toBeUndefined();
  });
});

describe('a lease that the store answers a repeated call with before the call that took it', () => {
  let [first, second]: [Line, Line] = [new Line(), new Line()];
  let taking: Promise<string | undefined>;
  let repeated: string | undefined;
  let answerFirst: () => void;

  beforeEach(async () => {
    [first, second] = [new Line(), new Line()];
    const service = processAt(store);
    answerFirst = holdClaim();
    taking = leaseOf(service, first);
    await store.quiet();
    repeated = await leaseOf(service, second);
    expect(repeated).toBeDefined();
  });

  it('goes back when both answers are lost', async () => {
    second.end(false);
    first.isGone = true;
    answerFirst();
    await taking;
    expect(await heldLease()).toBeUndefined();
  });

  it('stays when the repeated call has delivered it', async () => {
    second.end(true);
    first.isGone = true;
    answerFirst();
    await taking;
    expect(await heldLease()).toBe(repeated);
  });

  it('is not answered to the first call once it was given back', async () => {
    second.end(false);
    expect(await heldLease()).toBeUndefined();
    answerFirst();
    const lease = await taking;
    expect(lease).toBeDefined();
    expect(lease).not.toBe(repeated);
    expect(await heldLease()).toBe(lease);
  });
});

describe('a lease that another process is answering a repeated call with', () => {
  it('is not given back by the process that took it', async () => {
    const [one, other] = [processAt(store), processAt(store.unseen)];
    const line = new Line();
    const lease = await leaseOf(one, line);
    const release = holdWrites();
    line.end(false);
    await store.quiet();
    const repeated = await leaseOf(other);
    release();
    expect(repeated).toBe(lease);
    expect(await heldLease()).toBe(lease);
  });

  it('is not answered when it was given back at that moment', async () => {
    const [one, other] = [processAt(store), processAt(store.unseen)];
    const line = new Line();
    const lease = await leaseOf(one, line);
    const { unseen } = store;
    const { claim } = unseen;
    unseen.claim = async (request) => {
      const claimed = await claim.call(unseen, request);
      unseen.claim = claim;
      line.end(false);
      await store.quiet();
      return claimed;
    };
    const repeated = await leaseOf(other);
    expect(repeated).toBeDefined();
    expect(repeated).not.toBe(lease);
    expect(await heldLease()).toBe(repeated);
  });

  it('is not taken from a holder that has beaten meanwhile', async () => {
    const service = processAt(store);
    const line = new Line();
    const lease = await leaseOf(service, line);
    const held = await store.find('a');
    if (held) await store.replace([{ task: { ...held, revision: held.revision + 1 } }]);
    line.end(false);
    expect(await heldLease()).toBe(lease);
  });
});
