/**
 * `npm run test:artifacts -- [--kills 30] [--bytes 2147483648] [--s3] [--store redis]`: kills a service that takes
 * in artifacts at random moments (see `runArtifactKills`), then uploads and downloads one large artifact and watches the
 * memory of the service. `--s3` keeps the bytes on a server that speaks S3 and checks signatures. Exit code 0 when no
 * artifact has other bytes, no file is left, and the memory grew by less than `--limit` MiB (64).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { S3Server } from '../support/s3-server.js';
import { StoreSite } from './store-site.js';
import { measureMemory, runArtifactKills } from './artifacts.campaign.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    bytes: { type: 'string', default: '2147483648' },
    limit: { type: 'string', default: '64' },
    s3: { type: 'boolean', default: false },
    store: { type: 'string', default: 'embedded' },
  },
});

const directory = await mkdtemp(join(tmpdir(), 'crucible-artifacts-'));
const server = values.s3 ? await S3Server.start() : undefined;
const site = await StoreSite.open(values.store);
const isRedis = values.store === 'redis';
const shared: Readonly<Record<string, string>> = isRedis ? { ARTIFACTS: join(directory, 'shared') } : {};
const place = server === undefined ? shared : { ...server.env, ARTIFACTS: server.place('kills') };
const env = isRedis ? { ...site.options.env, ...place } : place;
const problems: string[] = [];
try {
  const kills = Number(values.kills);
  // In a shared place, bytes must be without a record for ten minutes to be orphans.
  const files = server === undefined && !isRedis ? join(directory, 'kills', 'artifacts') : undefined;
  const report = await runArtifactKills({ directory: join(directory, 'kills'), kills, env, files });
  console.log(
    `${kills} kills: ${report.acknowledged} uploads acknowledged, ${report.interrupted} interrupted`,
  );
  problems.push(...report.problems);
  const bytes = Number(values.bytes);
  if (bytes > 0) {
    const empty: Readonly<Record<string, string>> =
      server === undefined ? {} : { ARTIFACTS: server.place('large') };
    const memory = await measureMemory(
      { directory: join(directory, 'large'), env: { ...env, ...empty } },
      bytes,
    );
    const { beforeMiB, uploadMiB, downloadMiB, uploadSeconds, downloadSeconds } = memory;
    console.log(
      `${bytes} bytes: ${beforeMiB} MiB before, at most ${uploadMiB} MiB in ${uploadSeconds.toFixed(1)} s of upload and ` +
        `${downloadMiB} MiB in ${downloadSeconds.toFixed(1)} s of download`,
    );
    if (!memory.isEqual) problems.push('The large artifact came back with other bytes');
    if (Math.max(uploadMiB, downloadMiB) - beforeMiB > Number(values.limit)) problems.push('The memory grew');
  }
} finally {
  await server?.stop();
  await site.close();
  await rm(directory, { recursive: true, force: true });
}
for (const problem of problems) console.log(problem);
console.log(
  problems.length === 0 ? 'No artifact was damaged, and nothing was left' : `${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
