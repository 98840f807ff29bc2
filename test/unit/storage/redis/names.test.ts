import { BATCH_ID, EVAL_ID, QUEUE_NAME } from '../../../../src/queue/dto/limits.js';
import { StoreWitness } from '../../../support/store-witness.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

const QUEUES = [
  'a',
  'a:',
  'a.b',
  'a:task:b',
  'a_b-c',
  'A',
  'ready',
  '0',
  '9:state:queued',
  `q${'.'.repeat(63)}`,
];
const IDS = ['t', 't:', 't:attempts:t', 'ready', 'state:queued', 'meta', 'T', '0', `i${'-'.repeat(127)}`];
const ODD = [
  'w\n',
  '\nw',
  'w\n\nw',
  'é日本🙂',
  '{}',
  '{a}',
  '%',
  '"\\',
  '\t',
  ' ',
  '\u0000',
  "']]",
  '*?[a]',
  '',
];

describe('names', () => {
  it.each(QUEUES)('of queues are kept apart in keys and events: %s', async (queue) => {
    expect(queue).toMatch(QUEUE_NAME);
    const user = await site.user();
    const witness = new StoreWitness(user.store);
    await user.add(...QUEUES.map((each, index) => ({ id: `t${index}`, queue: each })));
    const held = await user.takeOne({ queues: [queue], max: 2 });
    expect(held.spec.queue).toBe(queue);
    await user.complete(held, '1');
    await witness.settle(user);
    expect(witness.statesOf(held.spec.id)).toEqual(['queued', 'processing', 'completed']);
    expect(witness.seen.find(({ state }) => state === 'processing')?.queue).toBe(queue);
    expect(await user.store.clear({ queues: [queue] })).toBe(1);
    expect(await user.list()).toHaveLength(QUEUES.length - 1);
  });

  it.each(IDS)('of tasks are kept apart: %s', async (id) => {
    expect(id).toMatch(EVAL_ID);
    expect(id).toMatch(BATCH_ID);
    const user = await site.user();
    const witness = new StoreWitness(user.store);
    await user.add({ id: 'other', priority: -1 }, { id, batchId: id });
    const held = await user.takeOne();
    await user.complete(held, '"output"');
    await witness.settle(user);
    expect(witness.statesOf(id)).toEqual(['queued', 'processing', 'completed']);
    expect(await user.store.findOutput(id)).toBe('"output"');
    expect(await user.store.remove([await user.find(id)])).toEqual([true]);
    expect((await user.list()).map(({ spec }) => spec.id)).toEqual(['other']);
  });

  it.each(ODD)('of workers and claims may be anything: %j', async (name) => {
    const user = await site.user();
    const witness = new StoreWitness(user.store);
    await user.add({ id: 't0' }, { id: 't1' }, { id: 't2' });
    const held = await user.takeOne({ workerId: name, claimId: name });
    expect(held.lease).toMatchObject({ workerId: name, claimId: name });
    expect(await user.find('t0')).toEqual(held);
    const other = await user.takeOne({ workerId: name, claimId: `${name}\n` });
    expect(await user.take({ workerId: name, claimId: name })).toEqual([held]);
    expect(await user.take({ workerId: name, claimId: `${name}\n` })).toEqual([other]);
    await user.complete(held);
    expect((await user.takeOne({ workerId: name, claimId: name })).spec.id).toBe('t2');
    await witness.settle(user);
    expect(witness.statesOf('t0')).toEqual(['queued', 'processing', 'completed']);
  });
});
