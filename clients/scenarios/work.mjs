/** `crucible-queue work` as a worker of scenarios.json: see README.md. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const { url, worker_id: workerId, concurrency = 1, lease } = JSON.parse(process.argv[2] ?? '{}');
const gates = mkdtempSync(join(tmpdir(), 'crucible-gates-'));

/** What the code of a task does: the command is a shell that has these functions. */
const TASK = `
  gate() { while [ ! -e "$GATES/$QUEUE_EVAL_ID" ]; do command sleep 0.02; done; answer; }
  answer() { printf '{"by": "%s"}' "$BY"; }
  code=$(cat)
  case $code in
    gate) gate ;;
    return) answer ;;
    error) echo 'as it was told to' >&2; exit 1 ;;
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

/** The worker tells people why a task was stopped; scenarios know it by code. */
const CODES = [
  [/was cancelled/, 'cancelled'],
  [/longer than/, 'deadline'],
  [/gives task .* back/, 'shutdown'],
  [/lease/, 'lease_lost'],
];
const ended = /^(claimed|stopped|completed|failed|released|lost) (\S+) \(attempt \d+\)(.*)$/;

createInterface({ input: child.stderr }).on('line', (line) => {
  const [, event, id, why = ''] = ended.exec(line) ?? [];
  if (event !== undefined) say({ event, id, code: CODES.find(([pattern]) => pattern.test(why))?.[1] });
  else if (line.startsWith('draining')) say({ event: 'draining' });
  else process.stderr.write(`${line}\n`);
});
createInterface({ input: process.stdin }).on('line', (line) =>
  writeFileSync(join(gates, line.replace('open ', '')), ''),
);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.once('exit', (code) => {
  say({ event: 'ended' });
  rmSync(gates, { recursive: true });
  process.exitCode = code ?? 1;
  process.stdin.destroy();
});
