import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ServiceProcess } from '../support/service-process.js';

const RUNNER = fileURLToPath(new URL('../../clients/python/tests/run.py', import.meta.url));
const API_KEY = 'a-key-for-the-tests-of-the-python-client';

interface Line {
  readonly test: string;
  /** What is wrong; null when it passed. */
  readonly problem: string | null;
}

const names = JSON.parse(execFileSync('python3', [RUNNER, '--list'], { encoding: 'utf8' })) as string[];

// Each of its tests is one here, so that it is counted and named.
describe('the Python client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-python-'));
  const problems = new Map<string, string | null>();
  let printed = '';

  beforeAll(async () => {
    const service = await ServiceProcess.start({ DATA_DIR: folder, API_KEY });
    try {
      printed = await runAll(service.url, problems);
    } finally {
      await service.stop();
    }
  }, 120_000);

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(names)('%s', (name) => {
    expect(problems.get(name) ?? (problems.has(name) ? 'passed' : `It did not end:\n${printed}`)).toBe(
      'passed',
    );
  });
});

async function runAll(url: string, problems: Map<string, string | null>): Promise<string> {
  const { PATH } = process.env;
  const child = spawn('python3', [RUNNER], {
    env: { PATH, PYTHONDONTWRITEBYTECODE: '1', QUEUE_URL: url, QUEUE_API_KEY: API_KEY },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
  });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  for await (const line of createInterface({ input: child.stdout })) {
    const { test, problem } = JSON.parse(line) as Line;
    problems.set(test, problem);
  }
  return printed;
}
