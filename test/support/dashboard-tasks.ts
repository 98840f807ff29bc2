/** Fills a service with tasks of every kind, as a platform would leave them. */

/** Sends JSON, or bytes as they are. @returns the answer, parsed */
export type Caller = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;

const ERRORS = [
  "Traceback (most recent call last):\n  File 'main.py', line 12\nMemoryError: container used 512 MiB of 512 MiB",
  'ImportError: No module named numpy',
  'The container exited with code 137 after 42 s',
];

/** Text that would do harm on a page that does not escape it. */
export const HOSTILE = `<script>window.hacked=1</script><img src=x onerror="window.hacked=1">"'><svg/onload=window.hacked=1>`;

/** The log of a run, as harnesses print it. */
const LOG = [
  '\u001b[1mlm-eval 0.4.9\u001b[0m, model llama-3.1-8b, 1,000 samples',
  '\u001b[2m2026-11-24 02:14:07\u001b[0m \u001b[36mINFO\u001b[0m  loading weights from /models/llama-3.1-8b',
  'loading shards:  25%\rloading shards:  50%\rloading shards: 100%',
  '\u001b[2m2026-11-24 02:15:40\u001b[0m \u001b[33mWARN\u001b[0m  tokenizer has no pad token, using <eos>',
  ...Array.from({ length: 24 }, (_, index) => {
    const verdict = index % 5 === 4 ? '\u001b[31mfail\u001b[0m' : '\u001b[32mpass\u001b[0m';
    return `sample ${index * 25 + 20} of 1000  ${verdict}  score 0.${90 - index}  ${'prompt and answer '.repeat(index % 4)}`;
  }),
];

export function callerAt(url: string, key?: string): Caller {
  return async (method, path, body) => {
    const isBytes = body instanceof Uint8Array;
    const type = isBytes ? 'application/octet-stream' : 'application/json';
    const headers = {
      ...(body === undefined ? {} : { 'Content-Type': type }),
      ...(key === undefined ? {} : { 'X-API-Key': key }),
    };
    const response = await fetch(url + path, {
      method,
      headers,
      body: isBytes ? body : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  };
}

/** Tasks in every state and in three queues; some are hostile. */
export async function fillWithTasks(call: Caller): Promise<void> {
  for (let index = 1; index <= 12; index += 1) {
    await call('POST', '/tasks', {
      eval_id: `eval-2026-${1000 + index}`,
      code: `print("evaluation ${index}")\n`,
      queue: index % 3 === 0 ? 'gpu' : 'default',
      group: index % 3 === 0 ? 'vision' : 'speech',
      batch_id: index <= 8 ? 'nightly-2026-11-24' : undefined,
      metadata: { submitted_by: 'team-a', run: index },
      max_attempts: index === 5 ? 3 : 1,
      // Their holders count as busy for as long as a test can take.
      timeout: 3600,
      backoff: { type: 'fixed', delay: 0, jitter: 0 },
    });
  }
  await call('POST', '/tasks', { eval_id: 'report-weekly', code: 'pass', queue: 'reports', delay: 3600 });
  await work(call);
  await call('POST', '/tasks', {
    eval_id: 'hostile-1',
    code: HOSTILE,
    metadata: { name: HOSTILE },
    priority: 9,
  });
  const hostile = await claim(call, 'default', 'worker-a');
  await call('POST', '/tasks/hostile-1/fail', { lease_id: hostile.lease_id, error: HOSTILE });
}

async function work(call: Caller): Promise<void> {
  for (let index = 0; index < 3; index += 1) {
    const { eval_id, lease_id } = await claim(call, 'default', 'worker-a');
    await call('POST', `/tasks/${String(eval_id)}/complete`, {
      lease_id,
      output: { stdout: 'ok\n', score: 0.93 },
    });
  }
  for (const error of [ERRORS[0], ERRORS[2], ERRORS[1]]) {
    const { eval_id, lease_id } = await claim(call, 'default', 'worker-b');
    await call('POST', `/tasks/${String(eval_id)}/fail`, { lease_id, error, exit_code: 137, retry_after: 0 });
  }
  const held = await claim(call, 'gpu', 'gpu-node-3');
  await call('POST', `/tasks/${String(held.eval_id)}/heartbeat`, {
    lease_id: held.lease_id,
    progress: { percent: 62, message: 'sample 620 of 1000' },
  });
  await call(
    'POST',
    `/tasks/${String(held.eval_id)}/log?lease_id=${String(held.lease_id)}`,
    Buffer.from(LOG.map((line) => `${line}\n`).join('')),
  );
  await call('POST', '/tasks/eval-2026-1012/cancel', { reason: 'submitted twice' });
}

async function claim(call: Caller, queue: string, worker: string): Promise<Record<string, unknown>> {
  return call('GET', `/tasks/next?queue=${queue}&worker_id=${worker}`);
}
