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
  ])('of %j is %j', (error, summary) => {
    expect(summaryOf(error)).toBe(summary);
  });

  it('is kept with a task however long the frames before it are', () => {
    const grant = { leaseId: 'l', grace: 30 };
    const { task } = create(spec({}), at(0));
    if (task.state !== 'queued') throw new Error('It must be claimed');
    const held = claim(task, grant, at(1)).task;
    const error = `Traceback (most recent call last):\n${FRAMES.repeat(50)}ValueError: at the end`;
    const last = fail(held, { leaseId: 'l', error, random: 0 }, at(2))?.task.last;
    expect(last).toMatchObject({ isErrorCut: true });
    expect(last?.error?.length).toBeLessThanOrEqual(ERROR_EXCERPT_LENGTH);
    expect(last?.error?.startsWith('Traceback')).toBe(true);
    expect(summaryOf(last?.error ?? '')).toBe('ValueError: at the end');
  });
});
