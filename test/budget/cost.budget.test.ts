import { connect } from 'node:net';
import { BatchChecker } from '../../src/batches/batch-checker.js';
import { describeStores } from '../support/describe-stores.js';
import { exchange } from '../support/raw-exchange.js';
import { RedisCommands } from '../support/redis-commands.js';
import type { TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';
import { BUDGET, type Operation } from './cost.budget.js';
import { CostMeter } from './operation.cost.js';

/** Taken before the calls are counted: what a test writes is no cost of the service. */
const { stringify } = JSON;

describeStores(({ name, settings, startApp }) => {
  describe('the cost of', () => {
    let app: TestApp;
    let meter: CostMeter;
    let redis: RedisCommands | undefined;
    const leases: { id: string; leaseId: string }[] = [];

    beforeAll(async () => {
      app = await startApp();
      meter = new CostMeter(app);
      if (name === 'redis')
        redis = await RedisCommands.watch(Number(new URL(settings().REDIS_URL ?? '').port));
    });

    afterAll(async () => {
      redis?.close();
      meter.stop();
      await app.close();
    });

    async function send(method: string, path: string, body?: object): Promise<string> {
      const text = body === undefined ? '' : stringify(body);
      const type =
        body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${text.length}`];
      const head = [`${method} ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...type, '', text];
      return (await exchange(app.port, Buffer.from(head.join('\r\n')))).bytes.toString();
    }

    const operations: Record<Operation, (number: number) => Promise<unknown>> = {
      enqueue: (number) => send('POST', '/tasks', { eval_id: `a${number}`, code: 'print(42)' }),
      claim: async () => {
        const text = await send('GET', '/tasks/next?worker_id=w');
        const [, id = ''] = /"eval_id":"(\w+)"/.exec(text) ?? [];
        const [, leaseId = ''] = /"lease_id":"([^"]+)"/.exec(text) ?? [];
        leases.push({ id, leaseId });
      },
      heartbeat: (number) =>
        send('POST', `/tasks/${leases[number]?.id}/heartbeat`, { lease_id: leases[number]?.leaseId }),
      complete: (number) =>
        send('POST', `/tasks/${leases[number]?.id}/complete`, {
          lease_id: leases[number]?.leaseId,
          output: { a: 1 },
        }),
      find: (number) => send('GET', `/tasks/a${number}`),
      'batch of 100': (number) => {
        const tasks = Array.from({ length: 100 }, (_, index) => ({
          eval_id: `b${number}-${index}`,
          code: 'x',
        }));
        return send('POST', '/tasks/batch', { tasks });
      },
    };

    /** What the service has sent to Redis since the last call of this. */
    async function sentToRedis(number: number): Promise<{ redisCommands: number; redisBytes: number }> {
      if (redis === undefined) return { redisCommands: 0, redisBytes: 0 };
      const { all } = redis;
      const marker = `"marker-${number}"`;
      const socket = connect(Number(new URL(settings().REDIS_URL ?? '').port), '127.0.0.1');
      socket.write(`ECHO ${marker}\r\n`);
      await until(() => all.some(({ args }) => args === marker));
      socket.destroy();
      redis.forget();
      const sent = all.filter((command) => command.name.startsWith('evalsha'));
      return {
        redisCommands: sent.length,
        redisBytes: sent.reduce((sum, { args }) => sum + args.length, 0),
      };
    }

    it.each(Object.keys(operations) as Operation[])('%s is within its budget', async (operation) => {
      const { why, [name]: budget } = BUDGET[operation];
      await sentToRedis(-1);
      const sent: Awaited<ReturnType<typeof sentToRedis>>[] = [];
      const cost = await meter.costOf(
        (number) => operations[operation](number),
        async (number) => {
          sent.push(await sentToRedis(number));
          // The look at the batch would come with the next operation, on a busy machine.
          await app.app.get(BatchChecker).run();
        },
      );
      const least = (what: 'redisCommands' | 'redisBytes') => Math.min(...sent.map((each) => each[what]));
      const all = { ...cost, redisCommands: least('redisCommands'), redisBytes: least('redisBytes') };
      const over = Object.entries(budget).filter(([what, most]) => all[what as keyof typeof all] > most);
      if (process.env.SHOW) process.stderr.write(`${name} ${operation} ${stringify(all)}\n`);
      expect({ why, all, over }).toEqual({ why, all, over: [] });
    });
  });
});
