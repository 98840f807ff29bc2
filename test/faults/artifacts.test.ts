import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runArtifactKills } from './artifacts.campaign.js';

const LIMIT_MS = 240_000;

describe('kill -9 while artifacts arrive', () => {
  it(
    'leaves no listed artifact with other bytes, loses no acknowledged one, and leaves no file, after one kill',
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'crucible-kills-'));
      const { problems, acknowledged } = await runArtifactKills({
        directory,
        kills: 1,
        files: join(directory, 'artifacts'),
      });
      await rm(directory, { recursive: true, force: true });
      expect(problems).toEqual([]);
      expect(acknowledged).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});
