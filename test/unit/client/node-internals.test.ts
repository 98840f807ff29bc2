import { inspect } from 'node:util';
import type { HeldTask } from '../../../src/client/answers.js';
import { attempt, type AttemptOptions } from '../../../src/client/attempt.js';
import { Client } from '../../../src/client/index.js';
import { RunningTask } from '../../../src/client/running-task.js';
import { freePort } from '../../support/free-port.js';

describe('the fields that Node adds to an error', () => {
  it.each(['127.0.0.1', 'localhost'])(
    'are not in the error of an unreachable service at %s',
    async (host) => {
      const url = `http://${host}:${await freePort()}`;
      const client = new Client({ url, patience: 0 });
      const error: unknown = await client.get('one').catch((raised: unknown) => raised);
      const { message, code, cause } = error as Error & { code: string };
      expect([message, code, cause]).toEqual([
        `GET tasks/one: cannot reach ${url}: connection refused`,
        'connection_failed',
        { code: 'ECONNREFUSED', message: expect.stringContaining('ECONNREFUSED') as unknown },
      ]);
      expect(inspect(error)).not.toMatch(/undici|fetch failed|errno/);
    },
  );

  it('are not in the error of a task', async () => {
    const task = { eval_id: 'one', timeout: 30, heartbeat_interval: 10 } as HeldTask;
    const handler = (): Promise<never> =>
      new Promise((_, reject) => setTimeout(() => reject(new Error('of the handler')), 0));
    // It calls nothing else of its context.
    const options: Pick<AttemptOptions, 'handler' | 'abandonAfter'> = { handler, abandonAfter: 10 };
    const verdict = await attempt(new RunningTask(task, performance.now()), options as AttemptOptions);
    const { error = '' } = 'failure' in verdict ? verdict.failure : {};
    expect(error).toMatch(/^Error: of the handler\n {4}at .*node-internals\.test/);
    expect(error).not.toContain('node:internal');
  });
});
