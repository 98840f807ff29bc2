import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { cancel, create } from '../../src/task/task.machine.js';
import { FinishWaiters } from '../../src/queue/finish-waiters.js';
import { WaitingRoom } from '../../src/queue/waiting-room.js';
import { type Answer, startAppAround, type TestApp } from '../support/test-app.js';
import { DistantStore } from '../support/distant-store.js';
import { spec } from '../support/task.builders.js';

let store: DistantStore;
let service: TestApp;

beforeEach(async () => {
  store = new DistantStore();
  service = await startAppAround(store);
  await enqueue('a');
});

afterEach(async () => {
  await service.close();
});

function post(path: string, body: unknown = {}): Promise<Answer> {
  return service.call('POST', path, { body });
}

function enqueue(id: string): Promise<Answer> {
  return post('/tasks', { eval_id: id, code: 'x' });
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

/** Every request that needs the store. */
const REQUESTS: Readonly<Record<string, object | undefined>> = {
  'POST /tasks': { eval_id: 'b', code: 'x' },
  'POST /tasks/batch': { tasks: [{ eval_id: 'b', code: 'x' }] },
  'GET /tasks': undefined,
  'GET /tasks/a': undefined,
  'GET /tasks/a?wait=30': undefined,
  'GET /tasks/a/attempts': undefined,
  'GET /tasks/a/output': undefined,
  'GET /tasks/next': undefined,
  'GET /tasks/next?wait=30': undefined,
  'POST /tasks/claim': { worker_id: 'w1' },
  'POST /tasks/claim?': { worker_id: 'w1', wait: 30 },
  'POST /tasks/complete': { results: [{ eval_id: 'a', status: 'completed' }] },
  'POST /tasks/heartbeat': { worker_id: 'w1', leases: [{ eval_id: 'a', lease_id: 'a-lease-id' }] },
  'POST /tasks/redrive': { status: 'failed' },
  'POST /tasks/a/heartbeat': { lease_id: 'a-lease-id' },
  'POST /tasks/a/complete': {},
  'POST /tasks/a/fail': {},
  'POST /tasks/a/release': { lease_id: 'a-lease-id' },
  'POST /tasks/a/cancel': {},
  'POST /tasks/a/redrive': {},
  'DELETE /tasks/a': undefined,
  'DELETE /tasks': undefined,
  'GET /status': undefined,
};

function expectAway(answer: Answer, applied: false | 'unknown'): void {
  expect(answer.body).toMatchObject({ status: 503, code: 'store_unavailable', applied });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'application/problem+json']);
  expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
}

describe('while the store is away', () => {
  describe.each([false, 'unknown'] as const)('and says applied: %p', (applied) => {
    it.each(Object.entries(REQUESTS))('%s is answered so', async (route, body) => {
      store.goAway(applied);
      const [method = '', path = ''] = route.split(' ');
      expectAway(await service.call(method, path, { body }), applied);
    });
  });

  it('the service lives, is not ready and not healthy, and is both again after its return', async () => {
    const probe = async () => {
      const answers = ['/livez', '/readyz', '/health'].map((path) => service.call('GET', path));
      return (await Promise.all(answers)).map(({ status, body }) => [status, body.status]);
    };
    const well = [
      [200, 'alive'],
      [200, 'ready'],
      [200, 'healthy'],
    ];
    expect(await probe()).toEqual(well);
    store.goAway();
    expect(await probe()).toEqual([
      [200, 'alive'],
      [503, 'not ready'],
      [503, 'unhealthy'],
    ]);
    store.comeBack();
    expect(await probe()).toEqual(well);
    expect((await enqueue('b')).status).toBe(201);
    expect((await service.call('GET', '/tasks/next')).body).toMatchObject({ eval_id: 'a' });
  });

  it('who was parked is told, and so is who waits for an end', async () => {
    const poll = service.call('GET', '/tasks/next?wait=30&queue=empty');
    const read = service.call('GET', '/tasks/a?wait=30');
    await until(() => service.app.get(WaitingRoom).size + service.app.get(FinishWaiters).size === 2);
    store.goAway();
    expectAway(await poll, false);
    expectAway(await read, false);
  });

  it('who comes back to the queue finds the work of other processes', async () => {
    const poll = service.call('GET', '/tasks/next?wait=30&queue=other');
    await until(() => service.app.get(WaitingRoom).size === 1);
    await store.quiet();
    await store.unseen.insert([
      { transition: create(spec({ id: 'unseen', queue: 'other' }), store.clock.now()), payload: '"code":""' },
    ]);
    store.disturb();
    expect((await poll).body).toMatchObject({ eval_id: 'unseen' });
  });
});

describe('a store that goes away in the middle', () => {
  /** The next call of this method is carried out, and then the store is away. */
  function breakAfter(method: 'insert' | 'replace'): void {
    const carryOut = store[method].bind(store) as (argument: unknown) => Promise<never>;
    store[method] = async (argument: unknown) => {
      const result = await carryOut(argument);
      store.goAway(false);
      return result;
    };
  }

  it.each([
    ['/tasks', { eval_id: 'b', code: 'x' }],
    [
      '/tasks/batch',
      {
        tasks: [
          { eval_id: 'a', code: 'x' },
          { eval_id: 'b', code: 'x' },
        ],
      },
    ],
  ])('makes POST %s say that nobody knows, after the tasks were written', async (path, body) => {
    breakAfter('insert');
    expectAway(await post(path, body), 'unknown');
    store.comeBack();
    expect((await service.call('GET', '/tasks/b')).status).toBe(200);
  });

  it('makes an enqueue that changed nothing say so', async () => {
    breakAfter('insert');
    expectAway(await post('/tasks', { eval_id: 'a', code: 'x' }), false);
    expectAway(await post('/tasks/batch', { tasks: [{ eval_id: 'a', code: 'x' }] }), false);
  });

  it('makes a redrive say that nobody knows, after the task was written', async () => {
    await post('/tasks/a/cancel');
    breakAfter('replace');
    expectAway(await post('/tasks/a/redrive'), 'unknown');
    store.comeBack();
    expect((await service.call('GET', '/tasks/a')).body.status).toBe('queued');
  });

  it('makes a long redrive say that nobody knows, after its first commit', async () => {
    const now = store.clock.now();
    const transitions = Array.from({ length: 501 }, (_, index) => create(spec({ id: `t${index}` }), now));
    await store.insert(transitions.map((transition) => ({ transition, payload: '' })));
    await store.replace(transitions.flatMap(({ task }) => cancel(task, undefined, now) ?? []));
    breakAfter('replace');
    expectAway(await post('/tasks/redrive', { status: 'cancelled', limit: 501 }), 'unknown');
    store.comeBack();
    expect((await service.call('GET', '/status')).body).toMatchObject({ queued: 501, cancelled: 1 });
  });

  it('costs nothing but a lease when a task could not be given back whose worker hung up', async () => {
    const unheard: unknown[] = [];
    const hear = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', hear);
    const socket = connect(service.port, '127.0.0.1');
    const gone = new Promise((resolve) => socket.once('close', resolve));
    const claimOfStore = store.claim.bind(store);
    store.claim = async (request) => {
      socket.destroy();
      await gone;
      const claimed = await claimOfStore(request);
      store.goAway();
      return claimed;
    };
    socket.write('GET /tasks/next HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => !store.isAvailable);
    await turn();
    store.comeBack();
    expect((await service.call('GET', '/tasks/a')).body).toMatchObject({ status: 'processing', attempt: 1 });
    expect(unheard).toEqual([]);
    process.off('unhandledRejection', hear);
  });
});
