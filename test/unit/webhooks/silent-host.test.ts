import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config/config.js';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import { SystemClock } from '../../../src/storage/embedded/system-clock.js';
import { cancel, create } from '../../../src/task/task.machine.js';
import { WebhookCourier } from '../../../src/webhooks/webhook-courier.js';
import { ROOMY } from '../../support/store-harness.js';
import { spec } from '../../support/task.builders.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

/** Takes connections and reads, and never answers. */
async function startSilent() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.resume());
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  return { sockets, stop, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

describe('a host that takes webhooks and never answers', () => {
  it('delays neither other queues nor other hosts of its queue, with 1,000 callbacks', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-silent-'));
    const clock = new SystemClock();
    const store = await EmbeddedTaskStore.open({ directory, clock, settings: ROOMY });
    const silent = await startSilent();
    const receiver = await WebhookReceiver.start();
    const courier = new WebhookCourier(
      store,
      loadConfig({ WEBHOOK_ALLOW_PRIVATE: 'true', WEBHOOK_TIMEOUT_SECONDS: '60' }),
    );
    /** Tasks that end at once. */
    const endAll = async (queue: string, count: number, addressOf: (number: number) => string) => {
      const now = clock.now();
      const transitions = Array.from({ length: count }, (_, number) =>
        create(spec({ id: `${queue}${addressOf(number)}`, queue, callbackUrl: addressOf(number) }), now),
      );
      for (let from = 0; from < count; from += 1_000) {
        const some = transitions.slice(from, from + 1_000);
        await store.insert(some.map((transition) => ({ transition, payload: '"code":""' })));
        await store.replace(some.flatMap(({ task }) => cancel(task, undefined, now) ?? []));
      }
    };
    await endAll('noisy', 1_000, (number) => `${silent.url}?q=${number}`);
    await endAll('noisy', 20, (number) => `${receiver.url}?noisy=${number}`);
    await endAll('quiet', 20, (number) => `${receiver.url}?quiet=${number}`);

    courier.onApplicationBootstrap();
    while (receiver.received.length < 40) await receiver.next();

    expect(new Set(receiver.received.map(({ body }) => body.queue))).toEqual(new Set(['noisy', 'quiet']));
    expect(silent.sockets.size).toBeLessThanOrEqual(8);
    await silent.stop();
    await courier.onModuleDestroy();
    await receiver.stop();
    await store.close();
    rmSync(directory, { recursive: true });
  });
});
