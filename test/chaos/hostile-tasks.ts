import type { ChaosTask } from './chaos.crew.js';

const FATAL = 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM'.split(' ');
const HARMLESS = 'CHLD CONT URG WINCH'.split(' ');
const EXITS = [1, 2, 3, 64, 65, 66, 69, 70, 73, 75, 77, 124, 125, 126, 127, 128, 130, 137, 143, 254, 255];

/** Text as the arguments of printf: every byte as an octal escape. */
const bytes = (...values: number[]): string =>
  `printf '${values.map((value) => `\\${value.toString(8).padStart(3, '0')}`).join('')}'`;

const NOT_UTF8 = [
  bytes(0xff),
  bytes(0xc0, 0x80),
  bytes(0xed, 0xa0, 0x80),
  bytes(0xf5, 0x80, 0x80, 0x80),
  bytes(0xe2, 0x82),
  bytes(0x41, 0x80),
];
const TEXTS = [
  bytes(0),
  bytes(0xef, 0xbb, 0xbf, 0x41),
  bytes(0x1b, 0x5d, 0x30, 0x3b, 0x78, 0x07),
  bytes(0x0d, 0x0a),
  bytes(0xe2, 0x80, 0xae),
  bytes(0xf0, 0x9f, 0x98, 0x80),
  'printf 9007199254740993',
  'printf 1e400',
  "printf '%04301d' 9",
  "head -c 30000 /dev/zero | tr '\\000' '['",
  "head -c 900000 /dev/zero | tr '\\000' x",
  'printf \'{"__proto__": {"x": 1}}\'',
  'printf null',
  'true',
];
const CLOSINGS = ['0<&-', '1>&-', '2>&-', '0<&- 1>&-', '0<&- 2>&-', '1>&- 2>&-', '0<&- 1>&- 2>&-', '9>&1'];
/** They outlive the command for a while; none may hold its slot. */
const LEFT_BEHIND = [
  'sleep 20 &',
  '(sleep 20 &)',
  '(sleep 20 & sleep 20 &) &',
  'nohup sleep 20 >/dev/null 2>&1 &',
  'setsid sleep 20 &',
  'setsid sh -c "sleep 20 & sleep 20" &',
  'sh -c \'trap "" TERM HUP INT; sleep 20\' &',
  'timeout 20 yes >/dev/null &',
  'timeout 3 sh -c "while :; do echo x; sleep 0.1; done" &',
  'sleep 20 >&- 2>&- &',
  'i=0; while [ $i -lt 30 ]; do sleep 20 & i=$((i + 1)); done',
  'mkfifo "$(mktemp -u)"; sleep 20 <&0 &',
  'setsid sh -c "while :; do echo x; sleep 0.05; done" &',
  '(setsid sh -c "cd /; (sleep 20 &) >&- 2>&- <&-" &)',
  'setsid sh -c "kill -STOP \\$\\$" &',
];
/** `worker.sh` keeps what the code prints in files, and the system ends who writes more of one than 8 MiB. */
const FLOOD = 'head -c 20000000 /dev/zero >&2';
const FLOODS = [
  'head -c 3000000 /dev/zero | tr "\\000" "\\033" >&2',
  'i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i + 1)); done',
];
const BROKEN = [
  '(',
  'if',
  "echo '",
  'case',
  '${',
  'exec /nonexistent',
  'nonexistent-command',
  'cd /nonexistent',
  'set -u; echo "$none"',
];
const HARMLESS_CODE = [
  '',
  '\n\n',
  '# nothing',
  ': \u0001',
  `: ${'x'.repeat(300_000)}`,
  'cat >/dev/null',
  'ulimit -n 4; true',
  'umask 777',
  'unset PATH HOME QUEUE_LEASE_ID',
  'exec env -i true',
  'trap "" HUP INT TERM PIPE; true',
  'cd /',
  'set -m; true',
  'export QUEUE_EVAL_ID=other QUEUE_LEASE_ID=other QUEUE_URL=http://127.0.0.1:9',
  'echo full >/dev/full; true',
];
const ENDLESS = [
  'sleep 60',
  'while :; do sleep 0.2; done',
  'kill -STOP $$',
  'sleep 60 | cat',
  'cat /dev/zero >/dev/null',
  'trap "" TERM HUP INT; while :; do sleep 0.2; done',
  'trap "exit 0" TERM; sleep 60 & wait; wait',
  'exec >&- 2>&-; sleep 60',
];

function each(ends: ChaosTask['ends'], codes: readonly string[], timeout?: number): readonly ChaosTask[] {
  return codes.map((code) => (timeout === undefined ? { code, ends } : { code, ends, timeout }));
}

/**
 * What the code of a task can do to a worker that runs it with `sh`, and how the task has to end. Between them are tasks
 * that do no harm, which none of the others may harm.
 */
export function hostileTasks(runtime: 'command' | 'shell' = 'command'): readonly ChaosTask[] {
  const hostile = [
    ...each(runtime === 'shell' ? 'failed' : 'completed', [FLOOD]),
    ...each('completed', ['exit 0', ...HARMLESS_CODE, ...TEXTS, ...LEFT_BEHIND, ...FLOODS]),
    ...each(
      'completed',
      CLOSINGS.map((closing) => `exec ${closing}; true`),
    ),
    ...each(
      'completed',
      HARMLESS.map((signal) => `kill -${signal} $$; true`),
    ),
    ...each(
      'completed',
      TEXTS.map((text) => `${text} >&2`),
    ),
    ...each(
      'completed',
      NOT_UTF8.map((text) => `${text} >&2`),
    ),
    ...each('failed', NOT_UTF8),
    ...each('failed', BROKEN),
    ...each('failed', ['head -c 2000000 /dev/zero']),
    ...each(
      'failed',
      EXITS.map((code) => `exit ${code}`),
    ),
    ...each(
      'failed',
      FATAL.map((signal) => `kill -${signal} $$`),
    ),
    ...each(
      'failed',
      FATAL.map((signal) => `echo partial; echo why >&2; kill -${signal} $$; sleep 1`),
    ),
    ...each(
      'failed',
      NOT_UTF8.map((text) => `${text} >&2; exit 1`),
    ),
    ...each(
      'failed',
      TEXTS.map((text) => `${text} >&2; exit 65`),
    ),
    ...each(
      'failed',
      LEFT_BEHIND.map((code) => `${code}\nexit 3`),
    ),
    ...each('failed', ENDLESS, 1),
  ];
  return hostile.flatMap((task, index) =>
    index % 8 === 0 ? [task, { code: 'return', ends: 'completed' }] : [task],
  );
}
