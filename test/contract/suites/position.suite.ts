import type { StartStore } from '../../support/store-harness.js';
import { SeededRandom } from '../../support/store-random.js';
import { idsOf, type StoreUser, the } from '../../support/store-user.js';
import { cancel } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';

export function describePosition(start: StartStore): void {
  it('counts from 1 by priority, then age, within the queue', async () => {
    const user = await start();
    const tasks = await user.add(
      { id: 'a', priority: 0 },
      { id: 'b', priority: 1000 },
      { id: 'c', priority: 0 },
      { id: 'd', priority: -1000 },
      { id: 'e', priority: 1000 },
      { id: 'f', priority: 1000, queue: 'other' },
    );
    expect(await positionsOf(user, tasks)).toEqual([3, 1, 4, 5, 2, 1]);
  });

  it('is undefined for a task that is not queued, whatever its caller read', async () => {
    const user = await start();
    const [read, delayed] = await user.add({ id: 'a' }, { id: 'b', delay: 1 });
    const held = await user.takeOne();
    expect(await positionsOf(user, [read, held, delayed])).toEqual([undefined, undefined, undefined]);
    const ended = await user.complete(held);
    expect(await positionsOf(user, [read, held, ended])).toEqual([undefined, undefined, undefined]);
    expect(await user.store.views.position(user.newTask({ id: 'nobody' }).transition.task)).toBeUndefined();
  });

  it('is that of the old place after a release, a loss, a retry and a redrive', async () => {
    const user = await start();
    const [, , , , rest] = await user.add(
      ...['released', 'lost', 'retried', 'redriven', 'rest'].map((id) => ({ id, maxAttempts: 2 })),
    );
    if (!rest) throw new Error('Nothing left');
    const [released, lost, retried, redriven] = await user.take({ max: 4, lease: 10 });
    if (!released || !lost || !retried || !redriven) throw new Error('The claim got less than it asked for');
    expect(await user.store.views.position(rest)).toBe(1);

    await user.write(cancel(redriven, undefined, user.now));
    await user.fail(retried, 'again', 1);
    user.clock.advance(10_000);
    await user.redrive(await user.find('redriven'));
    await user.tick(await user.find('retried'));
    await user.tick(lost);
    user.clock.advance(1);
    await user.add({ id: 'young' });
    const back = await Promise.all(
      ['lost', 'retried', 'redriven', 'rest', 'young'].map((id) => user.find(id)),
    );
    expect(await positionsOf(user, back)).toEqual([1, 2, 3, 4, 5]);
    expect(idsOf(await user.take({ max: 5 }))).toEqual(idsOf(back));
  });

  it('is the order of claims when waiting counts as priority', async () => {
    const user = await start();
    const random = new SeededRandom(7);
    await user.store.settings.change('default', { priorityAgeing: 0.5 });
    for (let at = 0; at < 60; at += 1) {
      user.clock.advance(random.below(300));
      await user.add({ id: `t${at}`, priority: random.below(4) });
    }
    const tasks = await Promise.all(Array.from({ length: 60 }, (_, at) => user.find(`t${at}`)));
    const positions = await positionsOf(user, tasks);
    const claimed = idsOf(await user.take({ max: 60 }));
    expect(positions).toEqual(tasks.map(({ spec }) => claimed.indexOf(spec.id) + 1));
  });

  it('is never too early among groups and labels when waiting counts as priority', async () => {
    const user = await start();
    const random = new SeededRandom(11);
    await user.store.settings.change('default', { priorityAgeing: 0.5 });
    for (let at = 0; at < 60; at += 1) {
      user.clock.advance(random.below(300));
      const group = [undefined, 'g', 'h'][random.below(3)];
      const requires = [undefined, { gpu: 'a' }][random.below(2)];
      await user.add({ id: `t${at}`, priority: random.below(3), group, requires });
    }
    const tasks = await Promise.all(Array.from({ length: 60 }, (_, at) => user.find(`t${at}`)));
    const positions = await positionsOf(user, tasks);
    const claimed = idsOf(await user.take({ max: 60, labels: { gpu: 'a' } }));
    expect(claimed).toHaveLength(60);
    for (const [at, { spec }] of tasks.entries()) {
      expect(positions[at]).toBeGreaterThanOrEqual(claimed.indexOf(spec.id) + 1);
      expect(positions[at]).toBeLessThanOrEqual(60);
    }
  });

  it('puts a released task before those that came later', async () => {
    const user = await start();
    await user.add({ id: 'old' }, { id: 'middle' }, { id: 'young' });
    const old = await user.takeOne();
    await user.takeOne();
    user.clock.advance(5);
    const back = await user.release(old);
    expect(await user.store.views.position(back)).toBe(1);
    expect(await user.store.views.position(await user.find('young'))).toBe(2);
    await user.harness.reopen();
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['old', 'young']);
  });

  it('goes by the order of acceptance also when the wall clock was set back', async () => {
    const user = await start();
    await user.add({ id: 'first' });
    user.clock.setWall(user.now.wall - 3_600_000);
    await user.add({ id: 'second' });
    await user.harness.reopen();
    await user.add({ id: 'third' });
    expect(idsOf(await user.take({ max: 3 }))).toEqual(['first', 'second', 'third']);
  });

  it('gives a delayed task the place of its age when its time has come', async () => {
    const user = await start();
    const [early] = await user.add({ id: 'early', delay: 5 });
    await user.add({ id: 'late' });
    user.clock.advance(5_000);
    expect(await user.store.views.position(await user.tick(early))).toBe(1);
    expect(await user.store.views.position(await user.find('late'))).toBe(2);
  });

  it.each([1, 2, 3])('equals the rank in a sorted list through all changes (seed %i)', async (seed) => {
    const user = await start();
    const random = new SeededRandom(seed);
    const model = new Model();
    for (let round = 0; round < 150; round++) {
      await change(user, random, model);
      if (round % 50 === 49) await user.harness.reopen();
      const queued = model.sorted();
      expect(await positionsOf(user, queued)).toEqual(queued.map((_, index) => index + 1));
      expect(await positionsOf(user, model.held)).toEqual(model.held.map(() => undefined));
    }
  });

  it('equals the rank in a long queue', async () => {
    const user = await start();
    const random = new SeededRandom(7);
    const model = new Model();
    for (let batch = 0; batch < 6; batch++) {
      const specs = Array.from({ length: 250 }, (_, index) => ({
        id: `b${batch}-${index}`,
        priority: random.below(2),
      }));
      for (const task of await user.add(...specs)) model.insert(task);
      const gone = Array.from({ length: 60 }, () => model.takeAny(random));
      expect(await user.store.remove(gone)).toEqual(gone.map(() => true));
    }
    const queued = model.sorted();
    expect(await positionsOf(user, queued)).toEqual(queued.map((_, index) => index + 1));
    expect(idsOf(await user.take({ max: queued.length }))).toEqual(idsOf(queued));
  });
}

/** The queue as a plain list: position by position what the store must say. */
class Model {
  queued: Task[] = [];
  held: Task[] = [];
  private readonly ages = new Map<string, number>();

  insert(task: Task): void {
    this.ages.set(task.spec.id, this.ages.size);
    this.queued.push(task);
  }

  sorted(): readonly Task[] {
    const age = (task: Task) => this.ages.get(task.spec.id) ?? NaN;
    return this.queued.toSorted(
      (one, other) => other.spec.priority - one.spec.priority || age(one) - age(other),
    );
  }

  drop(id: string): void {
    this.queued = this.queued.filter(({ spec }) => spec.id !== id);
  }

  takeAny(random: SeededRandom): Task {
    return the(this.queued.splice(random.below(this.queued.length), 1));
  }

  get names(): number {
    return this.ages.size;
  }
}

async function change(user: StoreUser, random: SeededRandom, model: Model): Promise<void> {
  const choice = random.next();
  if (choice < 0.45 || model.queued.length === 0) {
    model.insert(
      the(await user.add({ id: `t${model.names}`, priority: random.below(4) - 1, maxInterruptions: 99 })),
    );
  } else if (choice < 0.65) {
    const next = the(model.sorted().slice(0, 1));
    const held = await user.takeOne();
    expect(held.spec.id).toBe(next.spec.id);
    model.drop(held.spec.id);
    model.held.push(held);
  } else if (choice < 0.85 && model.held.length > 0) {
    const held = the(model.held.splice(random.below(model.held.length), 1));
    model.queued.push(held.state === 'processing' ? await user.release(held) : held);
  } else {
    const task = model.takeAny(random);
    if (random.next() < 0.5) await user.write(cancel(task, undefined, user.now));
    else expect(await user.store.remove([task])).toEqual([true]);
  }
}

async function positionsOf(
  user: StoreUser,
  tasks: readonly Task[],
): Promise<readonly (number | undefined)[]> {
  return Promise.all(tasks.map((task) => user.store.views.position(task)));
}
