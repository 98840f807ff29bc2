import { setImmediate as turn } from 'node:timers/promises';
import { DepthGate } from '../../../src/queue/depth-gate.js';
import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { create } from '../../../src/task/task.machine.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

/** A store that tells the depth late. */
class FarStore extends ReferenceStore {
  constructor(...args: ConstructorParameters<typeof ReferenceStore>) {
    super(...args);
    const depth = this.views.depth.bind(this.views);
    this.views.depth = async (queue) => {
      const found = await depth(queue);
      await turn();
      return found;
    };
  }
}

const store = () => new FarStore(new FakeClock(), ROOMY);

async function gateOf(far: FarStore): Promise<DepthGate> {
  const settings = new SettingsCache(far);
  await settings.refresh();
  return new DepthGate(far, settings);
}

const draft = (id: string, queue = 'default') => ({ spec: { id, queue } });

describe('the gate of a queue with a limit', () => {
  it('lets in who fits when those before have just arrived, however late the depth is told', async () => {
    const far = store();
    await far.settings.change('default', { maxDepth: 2 });
    const gate = await gateOf(far);
    const first = await gate.admit([draft('a')]);
    const second = gate.admit([draft('b')]);
    await far.insert([{ transition: create(spec({ id: 'a' }), far.clock.now()), payload: '' }]);
    await turn();
    first.release();
    expect((await second).admitted.size).toBe(1);
  });

  it('lets nobody in for the room of those on the way, until they turn back', async () => {
    const far = store();
    await far.settings.change('default', { maxDepth: 2 });
    const gate = await gateOf(far);
    const first = await gate.admit([draft('a'), draft('b')]);
    const order: string[] = [];
    const second = gate.admit([draft('c')]).then((admission) => {
      order.push('second');
      return admission;
    });
    for (let turns = 0; turns < 5; turns += 1) await turn();
    order.push('first turns back');
    first.release();
    expect((await second).admitted.size).toBe(1);
    expect(order).toEqual(['first turns back', 'second']);
  });

  it('gives no room to tasks that are there, and none twice to one id', async () => {
    const far = store();
    await far.settings.change('default', { maxDepth: 4 });
    const gate = await gateOf(far);
    await far.insert(
      ['a', 'b'].map((id) => ({ transition: create(spec({ id }), far.clock.now()), payload: '' })),
    );
    const drafts = ['a', 'c', 'c', 'b', 'd', 'e', 'e'].map((id) => draft(id));
    const { admitted, release } = await gate.admit(drafts);
    expect(drafts.filter((each) => admitted.has(each)).map(({ spec: { id } }) => id)).toEqual([
      ...['a', 'c', 'c', 'b', 'd'],
    ]);
    release();
  });

  it('does not let two requests for two queues wait for each other', async () => {
    const far = store();
    await far.settings.change('left', { maxDepth: 1 });
    await far.settings.change('right', { maxDepth: 1 });
    const gate = await gateOf(far);
    const [one, other] = await Promise.all(
      [
        [draft('a', 'left'), draft('b', 'right')],
        [draft('c', 'right'), draft('d', 'left')],
      ].map(async (drafts) => {
        const { admitted, release } = await gate.admit(drafts);
        release();
        return admitted.size;
      }),
    );
    expect([one, other]).toEqual([2, 2]);
  });

  it('forgets a queue when nobody is on the way into it', async () => {
    const far = store();
    await far.settings.change('default', { maxDepth: 1 });
    const gate = await gateOf(far);
    const [first, second] = await Promise.all([
      gate.admit([draft('a'), draft('b', 'free')]),
      gate.admit([draft('c', 'other')]),
    ]);
    expect(gate.size).toBe(3);
    const third = gate.admit([draft('d')]);
    first.release();
    second.release();
    (await third).release();
    expect(gate.size).toBe(0);
    await far.insert([{ transition: create(spec({ id: 'a' }), far.clock.now()), payload: '' }]);
    (await gate.admit([draft('e')])).release();
    expect(gate.size).toBe(0);
  });
});
