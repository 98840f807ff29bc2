import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotStart, runChild } from '../../../src/cli/child-handler.js';
import { AttemptFailed, type HeldTask, JsonText, PermanentError } from '../../../src/client/index.js';
import { visible } from '../../../src/cli/printer.js';
import { until } from '../../support/until.js';

const CONTEXT = {
  progress: () => Promise.resolve(),
  checkpoint: () => Promise.resolve(),
  log: () => Promise.resolve(),
  putArtifact: () => Promise.reject(new Error('No command here leaves a file')),
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'crucible-child-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function task(fields: Partial<HeldTask> = {}): HeldTask {
  const names = { eval_id: 'a', lease_id: 'lease', queue: 'default', language: 'sh', engine: 'docker' };
  return {
    ...names,
    attempt: 1,
    timeout: 30,
    traceparent: null,
    code: '',
    metadata_text: null,
    ...fields,
  } as HeldTask;
}

function runShell(
  script: string,
  { signal = new AbortController().signal, isJson = false } = {},
): Promise<unknown> {
  const { PATH } = process.env;
  const command = ['sh', '-c', script] as const;
  const context = { ...CONTEXT, signal };
  return runChild(task({ metadata_text: '{"n": 9007199254740993}' }), context, {
    command: [...command],
    environment: { PATH, FOLDER: folder },
    isJson,
  });
}

describe('runChild', () => {
  it('ends with its command, whatever the command leaves running with its pipes', async () => {
    expect(await runShell('sleep 600 & echo $! > "$FOLDER/pid"; echo done')).toBe('done\n');
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    await until(() => !isRunning(pid));
  });

  it('kills a group whose leader has ended and that ignores SIGTERM', async () => {
    const stop = new AbortController();
    const run = runShell('trap "" TERM; (while :; do sleep 1; done) & echo $! > "$FOLDER/pid"; wait', {
      signal: stop.signal,
    });
    await until(() => existsSync(join(folder, 'pid')) && readFileSync(join(folder, 'pid'), 'utf8') !== '');
    stop.abort(new Error('stopped'));
    await expect(run).rejects.toThrow('stopped');
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    await until(() => !isRunning(pid));
  });

  it('ends although something that has left its group writes for ever', async () => {
    const writer = ': > "$FOLDER/up"; while echo y; do sleep 0.01; done';
    const untilUp = 'while [ ! -e "$FOLDER/up" ]; do sleep 0.02; done';
    expect(await runShell(`setsid sh -c '${writer}' & ${untilUp}; printf x`)).toContain('x');
  });

  it('reads all that the command wrote before it ended', async () => {
    expect(await runShell('head -c 1000000 /dev/zero | tr "\\0" x')).toBe('x'.repeat(1_000_000));
  });

  it('passes metadata and JSON output as the text they are', async () => {
    expect(await runShell('printf %s "$QUEUE_METADATA"')).toBe('{"n": 9007199254740993}');
    const output = await runShell('echo "[1.0, 9007199254740993]"', { isJson: true });
    expect(output).toEqual(new JsonText('[1.0, 9007199254740993]\n'));
  });

  it.each([
    ['an output that is not UTF-8', 'printf "\\351"', 'not UTF-8'],
    ['an output that is too large', 'head -c 2000000 /dev/zero', 'larger than'],
  ])('fails a task for good with %s', async (_, script, message) => {
    const failed = runShell(script);
    await expect(failed).rejects.toThrow(PermanentError);
    await expect(failed).rejects.toThrow(message);
  });

  it('keeps the end of the standard error only', async () => {
    const failed = runShell('head -c 9000 /dev/zero | tr "\\0" y >&2; echo the end >&2; exit 3');
    await expect(failed).rejects.toThrow(AttemptFailed);
    await expect(failed).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/^y{8184}the end\n$/) as unknown,
    });
  });

  it('tells what no task can be blamed for from what one can', async () => {
    const context = { ...CONTEXT, signal: new AbortController().signal };
    const options = { command: ['/there/is/no/such/command'] as [string], environment: {} };
    await expect(runChild(task(), context, options)).rejects.toThrow(CannotStart);
    await expect(runChild(task({ language: 'a\0b' }), context, options)).rejects.toThrow(PermanentError);
    await expect(runChild(task({ code: 'a\ud800' }), context, options)).rejects.toThrow('surrogate');
    const large = task({ metadata_text: 'x'.repeat(300_000) });
    await expect(runChild(large, context, { ...options, command: ['true'] })).rejects.toThrow(PermanentError);
  });
});

it('shows control characters of a task as their codes', () => {
  expect(visible('a\u001b]0;title\u0007\r\nb\tc\u009b31m\u202eabc\u061c')).toBe(
    'a\\u001b]0;title\\u0007\nb\tc\\u009b31m\\u202eabc\\u061c',
  );
});

function isRunning(pid: number): boolean {
  try {
    // A zombie that nobody has waited for is not running any more.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
