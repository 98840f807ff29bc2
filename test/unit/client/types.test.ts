/**
 * What the compiler has to know of the client library. `npm run types` checks it: a line below `@ts-expect-error` that
 * compiles is an error, and so is an expectation of another type.
 */
import {
  type Client,
  type ClaimedTask,
  type Handler,
  PermanentError,
  type RunSummary,
  type TaskStopped,
  Worker,
} from '../../../src/client/index.js';

type IsSame<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;

const SAME: readonly [
  IsSame<ReturnType<Worker['run']>, Promise<RunSummary>>,
  IsSame<ReturnType<Worker['stop']>, Promise<void>>,
  IsSame<ClaimedTask['eval_id'], string>,
  IsSame<ClaimedTask['code'], string>,
  IsSame<ClaimedTask['traceparent'], string | null>,
  IsSame<TaskStopped['code'], 'lease_lost' | 'cancelled' | 'deadline' | 'shutdown'>,
  IsSame<Parameters<Handler>[1]['signal'], AbortSignal>,
] = [true, true, true, true, true, true, true];

/** Compiled and never called. */
function expectations(client: Client): void {
  void client.clear({ all: true });
  void client.clear({ queue: ['a'] });
  // @ts-expect-error a filter that says nothing removes nothing
  void client.clear({});
  // @ts-expect-error everything is asked for by name
  void client.clear();
  // @ts-expect-error the queue is not optional
  void client.queues.purge();
  // @ts-expect-error code is required
  void client.enqueue({ eval_id: 'a' });
  // @ts-expect-error a state that tasks do not have
  client.list({ status: ['done'] });
  // @ts-expect-error a worker needs a handler
  new Worker(client);
  // @ts-expect-error concurrency is a number
  new Worker(client, () => undefined, { concurrency: '4' });
  new Worker({ url: 'http://queue' }, (task, { signal }) => {
    signal.throwIfAborted();
    if (task.language !== 'python') throw new PermanentError('No such language here', 65);
    return { by: task.attempt };
  });
  // @ts-expect-error an exit code is a number
  new PermanentError('no', '65');
}

it('is checked by the compiler', () => {
  expect(expectations).toBeInstanceOf(Function);
  expect(SAME).not.toContain(false);
});
