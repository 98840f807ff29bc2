/** `crucible-queue work` as a worker for scenarios.json: see README.md. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const { url, worker_id: workerId, concurrency = 1, lease } = JSON.parse(process.argv[2] ?? '{}');
const gates = mkdtempSync(join(tmpdir(), 'crucible-gates-'));

/** The shell functions that implement the code of a task. */
const TASK = `
  gate() { while [ ! -e "$GATES/$QUEUE_EVAL_ID" ]; do command sleep 0.02; done; answer; }
  answer() { printf '{"by": "%s"}' "$BY"; }
  code=$(cat)
  case $code in
    gate) gate ;;
    return) answer ;;
    error) echo 'as it was told to' >&2; exit 1 ;;
    cry) printf '\\033]0;owned\\007\\033[2J\\342\\200\\256\\302\\23331m' >&2; exit 1 ;;
    shout) printf '"\\\\u001b]0;owned"' ;;
    echo) printf %s "$QUEUE_METADATA" ;;
    fork) sleep 0.1 & wait; answer ;;
    block*) set -- $code; sleep "$2"; answer ;;
    *) eval "$code" ;;
  esac`;

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const options = ['--url', url, '--worker-id', workerId, '-j', String(concurrency), '--json'];
if (lease !== undefined) options.push('--lease', String(lease));
const child = spawn(process.execPath, ['dist/cli/main.js', 'work', ...options, '--', 'sh', '-c', TASK], {
  env: { PATH: process.env.PATH, GATES: gates, BY: workerId },
  stdio: ['ignore', 'inherit', 'pipe'],
});

/** Codes of the scenarios by the texts that the worker prints. */
const CODES = [
  [/was cancelled/, 'cancelled'],
  [/longer than/, 'deadline'],
  [/releases task/, 'shutdown'],
  [/lease/, 'lease_lost'],
];
const ended = /^(claimed|stopped|completed|failed|released|lost) (\S+) \(attempt \d+\)(.*)$/;

createInterface({ input: child.stderr }).on('line', (line) => {
  const [, event, id, why = ''] = ended.exec(line) ?? [];
  if (event !== undefined) say({ event, id, code: CODES.find(([pattern]) => pattern.test(why))?.[1] });
  else if (line.startsWith('draining')) say({ event: 'draining' });
  else process.stderr.write(`${line}\n`);
});
/** Runs another command of the same program. */
const call = (args, input) =>
  spawnSync(process.execPath, ['dist/cli/main.js', ...args, '--url', url], { input, encoding: 'utf8' });

const verbs = {
  open: (id) => writeFileSync(join(gates, id), ''),
  enqueue: (number, size) => {
    const task = (index) =>
      JSON.stringify({ eval_id: `bulk-${index}`, queue: 'bulk', code: 'x'.repeat(size) });
    const lines = Array.from({ length: Number(number) }, (_, index) => task(index)).join('\n');
    const { stdout } = call(['enqueue', '-', '--ndjson'], lines);
    say({ event: 'enqueued', count: stdout.match(/"status":"queued"/g)?.length ?? 0 });
  },
  bytes: () => say({ event: call(['enqueue', '-'], Buffer.of(0xe9)).status === 65 ? 'refused' : 'accepted' }),
  // The CLI cannot clear. Its bulk command rejects empty filters instead.
  clear: () => {
    const codes = [['redrive'], ['redrive', '--status', '']].map((args) => call(args).status);
    say({ event: codes.every((code) => code === 64) ? 'refused' : 'accepted' });
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const [verb, ...rest] = line.split(' ');
  verbs[verb]?.(...rest);
});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.once('exit', (code) => {
  say({ event: 'ended' });
  rmSync(gates, { recursive: true });
  process.exitCode = code ?? 1;
  process.stdin.destroy();
});
