/**
 * Claims tasks and starts a sandbox for each. It has the API key; the sandbox gets the lease of one attempt.
 *
 * `node dispatch.mjs [--until-empty] [-- COMMAND…]`: COMMAND starts the sandbox and passes on its standard input and the
 * variables below, for example `docker run --rm -i -e QUEUE_URL … sandbox-image`. The default runs `sandbox.mjs` here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const { QUEUE_URL = 'http://127.0.0.1:8081', QUEUE_API_KEY, PATH, SANDBOX_PROGRAM } = process.env;
const args = process.argv.slice(2);
const at = args.indexOf('--');
const untilEmpty = args.includes('--until-empty');
const here = [process.execPath, fileURLToPath(new URL('sandbox.mjs', import.meta.url))];
const [program, ...rest] = at === -1 ? here : args.slice(at + 1);

async function claim() {
  const headers = {
    'Content-Type': 'application/json',
    ...(QUEUE_API_KEY && { 'X-API-Key': QUEUE_API_KEY }),
  };
  const body = JSON.stringify({ worker_id: `dispatch-${process.pid}`, lease: 30, wait: untilEmpty ? 0 : 20 });
  const response = await fetch(`${QUEUE_URL}/tasks/claim`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(`The claim was answered ${response.status}`);
  return (await response.json()).tasks;
}

for (;;) {
  const [task] = await claim();
  if (task === undefined && untilEmpty) break;
  if (task === undefined) continue;
  const env = {
    PATH,
    ...(SANDBOX_PROGRAM && { SANDBOX_PROGRAM }),
    QUEUE_URL,
    QUEUE_EVAL_ID: task.eval_id,
    QUEUE_LEASE_ID: task.lease_id,
    QUEUE_TIMEOUT: String(task.timeout),
  };
  const sandbox = spawn(program, rest, { env, stdio: ['pipe', 'inherit', 'inherit'] });
  sandbox.stdin.on('error', () => undefined);
  sandbox.stdin.end(task.code);
  // A sandbox that dies without a report loses its lease, and the task goes to another attempt.
  await once(sandbox, 'exit');
}
