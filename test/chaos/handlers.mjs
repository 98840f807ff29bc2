/** Handlers of the TypeScript library that do what they should not. The code of a task is the number of one; `--list` says how each ends. */
import { AttemptFailed, PermanentError, RetryLater, Worker } from 'crucible-queue/client';

const cyclic = {};
cyclic.self = cyclic;
let deep = [];
for (let depth = 0; depth < 20_000; depth += 1) deep = [deep];
const hostile = (name) => ({
  get [name]() {
    throw new Error('a fault of the getter');
  },
});
const silent = new Error('x');
Object.defineProperty(silent, 'message', Object.getOwnPropertyDescriptor(hostile('message'), 'message'));
const loop = new Error('loop');
loop.cause = loop;
const raise = (error) => () => {
  throw error;
};
const give = (value) => () => value;

const COMPLETED = [
  ...[
    undefined,
    null,
    true,
    0,
    -0,
    '',
    'x',
    [],
    {},
    [undefined],
    new Date(0),
    new Map(),
    '\ud800',
    '\u0000\u001b[2J',
  ],
  ...[
    Number.MAX_SAFE_INTEGER,
    { constructor: 1, toString: 2, length: -1 },
    'y'.repeat(1_000_000),
    Promise.resolve(1),
  ],
].map(give);
const FAILED = [
  ...[1n, cyclic, deep, { toJSON: raise(new Error('no')) }, hostile('a'), 'z'.repeat(3_000_000)].map(give),
  ...[{ then: raise(new Error('a thenable')) }, new Proxy({}, { ownKeys: raise(null) })].map(give),
  ...[null, undefined, 0, 'text', Symbol('s'), Object.create(null), {}, [], () => 0, silent, loop].map(raise),
  ...[
    new Error('\u001b]0;x\u0007'),
    new Error('e'.repeat(5_000_000)),
    new Error('\ud800'),
    Object.freeze(new Error('f')),
  ].map(raise),
  ...[new AggregateError([silent], 'all'), new AttemptFailed('x', 'seven'), new AttemptFailed('x', 1e99)].map(
    raise,
  ),
  ...[new AttemptFailed('x', Number.NaN), new PermanentError('y', -5.5), new PermanentError(undefined)].map(
    raise,
  ),
  ...[-1, Infinity, Number.NaN, 'soon', 1e300].map((seconds) => raise(new RetryLater(seconds, 'later'))),
  hostileProxy(),
  () => Promise.reject(Object.create(null)),
  () => new Promise((_, reject) => setTimeout(reject, 5)),
];
const HANDLERS = [
  ...COMPLETED,
  ...FAILED,
  ...[
    { percent: Number.NaN },
    { percent: 1e9 },
    { message: 'm'.repeat(9000) },
    { message: Object.create(null) },
  ].map((progress) => async (_task, context) => void (await context.progress(progress))),
];

function hostileProxy() {
  return raise(new Proxy(new Error('p'), { get: raise(new Error('a fault of the proxy')) }));
}

if (process.argv[2] === '--list') {
  const ends = HANDLERS.map((handler) => (FAILED.includes(handler) ? 'failed' : 'completed'));
  process.stdout.write(JSON.stringify(ends));
} else {
  const { url, worker_id: workerId, concurrency, lease, queues } = JSON.parse(process.argv[2] ?? '{}');
  const run = (task, context) => HANDLERS[Number(task.code)]?.(task, context);
  const worker = new Worker({ url }, run, { workerId, concurrency, lease, queues });
  process.on('SIGTERM', () => void worker.stop());
  await worker.run();
}
