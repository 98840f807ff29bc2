/** One of several processes at a Redis: `node replica.program.js PORT PREFIX`. Does the work that it is sent. */
import { drive, type Work } from './redis.meter.js';
import { StoreQueue } from './store.queue.js';

const [port, name = ''] = process.argv.slice(2);
const queue = await StoreQueue.open({ port: Number(port), name });

process.on('message', (work: Omit<Work, 'queue'>) => {
  void drive({ ...work, queue }).then(() => process.send?.('done'));
});
process.on('disconnect', () => {
  void queue.close();
});
process.send?.('ready');
