import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Service } from './service.js';

const LIMIT_MS = 120_000;
const TASKS = 200;
const PAGE = 4096;

describe('a damaged file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-damaged-'));
  const file = join(directory, 'queue.mdb');
  const backup = join(directory, 'backup');

  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it(
    'is refused in one line and left as it is; a backup in its place is served',
    async () => {
      const first = await Service.start({ directory });
      const tasks = Array.from({ length: TASKS }, (_, number) => ({
        eval_id: `t-${number}`,
        code: 'print(1)'.repeat(20),
      }));
      const sent = await fetch(`${first.url}/tasks/batch`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ tasks }),
      });
      expect(sent.status).toBe(200);
      await first.stop();
      copyFileSync(file, backup);

      const damaged = readFileSync(file).fill(0, 4 * PAGE);
      writeFileSync(file, damaged);
      const second = await Service.spawn({ directory });
      expect(await second.exited).toBe(1);
      expect(second.log.split('\n').filter((line) => line.includes('cannot start'))).toEqual([
        expect.stringMatching(
          /queue\.mdb is damaged at page \d+: .* Move it to another place and restore a backup$/,
        ),
      ]);
      expect(readFileSync(file).equals(damaged)).toBe(true);

      copyFileSync(backup, file);
      const third = await Service.start({ directory });
      const status = await fetch(`${third.url}/status`);
      expect(await status.json()).toMatchObject({ queued: TASKS });
      await third.stop();
    },
    LIMIT_MS,
  );
});
