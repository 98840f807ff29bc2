import { fail, claim, create, ERROR_EXCERPT_LENGTH } from '../../../src/task/task.machine.js';
import { summaryOf } from '../../../src/task/error-summary.js';
import { at, spec } from '../../support/task.builders.js';

const FRAMES =
  '  File "/app/main.py", line 3, in <module>\n    run()\n  File "/app/main.py", line 9, in run\n    x()\n';
const PYTHON = `Traceback (most recent call last):\n${FRAMES}`;

describe('the summary of an error', () => {
  it.each([
    ['', ''],
    ['\n \n', ''],
    ['it broke', 'it broke'],
    ['\n\n  it broke\r\nand more', 'it broke'],
    [`${PYTHON}ValueError: no such thing\n`, 'ValueError: no such thing'],
    [`${PYTHON}KeyError: 'a'`, "KeyError: 'a'"],
    [`${PYTHON}ValueError: first\nsecond\n  third\n`, 'ValueError: first'],
    [`stderr noise\n${PYTHON}KeyboardInterrupt\n`, 'KeyboardInterrupt'],
    [
      `${PYTHON}ValueError: one\n\nDuring handling of the above exception, another exception occurred:\n\n${PYTHON}OSError: two\n`,
      'OSError: two',
    ],
    [
      'Traceback (most recent call last):\n  File "a.py", line 1\n    x y\n      ^\nSyntaxError: bad',
      'SyntaxError: bad',
    ],
    [PYTHON, 'x()'],
    [
      '  + Exception Group Traceback (most recent call last):\n  |   File "a.py", line 1, in <module>\n  |     f()\n  | ExceptionGroup: many (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | ValueError: one\n    +------------------------------------\n',
      'ExceptionGroup: many (2 sub-exceptions)',
    ],
    [
      'TypeError: x is not a function\n    at f (/a.js:1:2)\n    at g (/a.js:3:4)',
      'TypeError: x is not a function',
    ],
    [
      '/a.js:10\n    throw new Error("x")\n    ^\n\nError: x\n    at f (/a.js:10:9)\n\nNode.js v20',
      'Error: x',
    ],
    ['Error: one\ntwo lines\n    at f (/a.js:1:2)', 'Error: one'],
    ['java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)', 'java.lang.IllegalStateException: no'],
    ["thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nnote: run", 'index out of bounds'],
    ['panic: runtime error: x\n\ngoroutine 1 [running]:', 'panic: runtime error: x'],
    ['2026/11/30 starting\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\nexit status 2', 'panic: boom'],
    [
      'fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()',
      'fatal error: all goroutines are asleep - deadlock!',
    ],
    [
      "loading\nthread 'main' (4711) panicked at src/main.rs:2:5:\nindex out of bounds\nthread 'w' panicked at src/main.rs:9:1:\npoisoned",
      'index out of bounds',
    ],
    [
      'Error: cannot start\n\nCaused by:\n    0: cannot read the model\n    1: no such file\n\nStack backtrace:\n   0: main',
      'no such file',
    ],
    ['Error: cannot start\n\nCaused by:\n    no such file', 'no such file'],
    [
      'Exception in thread "main" java.lang.RuntimeException: outer\n\tat a.B.c(B.java:1)',
      'java.lang.RuntimeException: outer',
    ],
    [
      'Exception in thread "main" a.Outer: x\n\tat a.B.c(B.java:1)\nCaused by: a.Middle: y\n\tat a.B.d(B.java:2)\n\t... 1 more\nCaused by: java.io.IOException: disk\n\tat a.B.e(B.java:3)\n\tSuppressed: a.C: z\n\tCaused by: a.D: w',
      'java.io.IOException: disk',
    ],
    [
      "TypeError: fetch failed\n    at f (a.js:1:2) {\n  [cause]: Error: connect ECONNREFUSED 127.0.0.1:1\n      at g (b.js:1:2) {\n    code: 'ECONNREFUSED'\n  }\n}\n\nNode.js v20",
      'Error: connect ECONNREFUSED 127.0.0.1:1',
    ],
    ['Error: x\n    at f (a.js:1:2) {\n  [cause]: undefined\n}', 'Error: x'],
    [
      'node:internal/process/promises:394\n      triggerUncaughtException(err, true);\n      ^\n\nRefused: no\n    at f (a.js:1:2)',
      'Refused: no',
    ],
    ['/a.js:1\nthrow "boom"\n^\nboom\n(Use `node --trace-uncaught ...` to show where)', 'boom'],
    [
      'Unhandled exception. System.InvalidOperationException: outer\n ---> System.IO.IOException: inner\n   at A.B()\n   --- End of inner exception stack trace ---\n   at C.D()',
      'System.IO.IOException: inner',
    ],
    ['Unhandled exception. System.Exception: x\n   at A.B()', 'System.Exception: x'],
    [
      "warning: old\na.rb:3:in `foo': undefined method `x' for nil (NoMethodError)\n\nfoo.x\n   ^^\n\tfrom a.rb:7:in `<main>'",
      "a.rb:3:in `foo': undefined method `x' for nil (NoMethodError)",
    ],
    [
      "a.rb:5:in 'Object#run': outer (RuntimeError)\n\tfrom a.rb:1:in '<main>'\na.rb:2:in 'Integer#/': divided by 0 (ZeroDivisionError)\n\tfrom a.rb:2:in '<main>'",
      "a.rb:2:in 'Integer#/': divided by 0 (ZeroDivisionError)",
    ],
    [
      "terminate called after throwing an instance of 'std::runtime_error'\n  what():  boom\nAborted",
      'what():  boom',
    ],
    [
      "terminate called after throwing an instance of 'int'",
      "terminate called after throwing an instance of 'int'",
    ],
    [
      '=================================================================\n==7==ERROR: AddressSanitizer: heap-use-after-free on 0x1',
      '==7==ERROR: AddressSanitizer: heap-use-after-free on 0x1',
    ],
    ['WARNING: old\nbash: line 3: foo: command not found', 'bash: line 3: foo: command not found'],
    ['/tmp/run.sh: line 3: X: unbound variable', '/tmp/run.sh: line 3: X: unbound variable'],
    ['sh: 1: foo: not found\nrm: cannot remove: x', 'rm: cannot remove: x'],
    ["+ cd /data\n+ rm x\nrm: cannot remove 'x'", "rm: cannot remove 'x'"],
    ['the diff:\n- Expected\n+ Received\n+ one', 'the diff:'],
    ["Cloning into 'x'...\nfatal: repository not found", 'fatal: repository not found'],
    [
      "a.c: In function 'main':\na.c:3:5: error: expected ';'\n    x\n    ^\n1 error generated.",
      "a.c:3:5: error: expected ';'",
    ],
    ['  File "a.py", line 1\n    x y\n      ^\nSyntaxError: bad', 'SyntaxError: bad'],
    [
      'ore/run.py", line 9, in run\n    x()\n  File "a.py", line 1, in f\n    y()\nKeyError: 1',
      'KeyError: 1',
    ],
    [
      'Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n  File "a.py", line 3 in f',
      'Fatal Python error: Segmentation fault',
    ],
    [
      '-------\nValueError                Traceback (most recent call last)\nCell In[1], line 1\n----> 1 f()\n\nValueError: x',
      'ValueError: x',
    ],
    [
      `  + Exception Group ${PYTHON}`.replace(/\n {2}/g, '\n  | ') +
        '  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File "a.py", line 1, in f\n    |     f()\n    | ValueError: one\n    +------------------------------------\n',
      'ValueError: one',
    ],
    ['-----\n***', '-----'],
  ])('of %j is %j', (error, summary) => {
    expect(summaryOf(error)).toBe(summary);
  });

  it('is kept with a task however long the frames before it are', () => {
    const error = lastErrorOf(
      `Traceback (most recent call last):\n${FRAMES.repeat(50)}ValueError: at the end`,
    );
    expect(error.length).toBeLessThanOrEqual(ERROR_EXCERPT_LENGTH);
    expect(error.startsWith('Traceback')).toBe(true);
    expect(summaryOf(error)).toBe('ValueError: at the end');
  });

  it.each([
    [
      'frames',
      `java.lang.IllegalStateException: outer\n${'\tat a.B.c(B.java:1)\n'.repeat(60)}`,
      'Caused by: ',
      'a.Inner: disk',
    ],
    ['words of it', `Error: disk full\n    at f\n${'    at g\n'.repeat(150)}`, '  [cause]: ', 'Error: disk'],
    ['a panic', `${'loading\n'.repeat(200)}thread 'main' panicked at a.rs:1:1:\n`, '', 'overflow'],
  ])('is told from what a task keeps, whatever of it comes before: %s', (_, before, label, summary) => {
    expect(summaryOf(lastErrorOf(`${before}${label}${summary}`))).toBe(summary);
  });

  it('is no longer than patterns may take, whatever the length of a line', () => {
    expect(summaryOf("thread '' panicked at ".repeat(10_000))).toHaveLength(500);
  });
});

/** What a task keeps of an error that is too long for it. */
function lastErrorOf(error: string): string {
  const { task } = create(spec({}), at(0));
  if (task.state !== 'queued') throw new Error('It must be claimed');
  const held = claim(task, { leaseId: 'l', grace: 30 }, at(1)).task;
  const last = fail(held, { leaseId: 'l', error, random: 0 }, at(2))?.task.last;
  expect(last).toMatchObject({ isErrorCut: true });
  return last?.error ?? '';
}
