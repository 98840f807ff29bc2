/**
 * `npm run test:crash -- [--rounds 100] [--cuts 20] [--seed N]`: kills and power cuts under load, judged by what clients
 * saw. Progress goes to stderr; the exit code is 0 when every promise was kept. `docs/storage.md` says what is promised.
 */
import { parseArgs } from 'node:util';
import { describeCrashes, isGreen, runCrashes } from './crash.campaign.js';
import { describeCuts, runPowerCuts } from './power-cut.js';
import { describeProof, runSyncProof } from './sync-proof.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    cuts: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    main: { type: 'string' },
  },
});
const [rounds, cuts, seed] = [values.rounds, values.cuts, values.seed].map(Number);
if (
  rounds === undefined ||
  cuts === undefined ||
  seed === undefined ||
  ![rounds, cuts, seed].every(Number.isInteger)
) {
  console.error('--rounds, --cuts and --seed must be whole numbers');
  process.exit(2);
}

const { main } = values;
const progress = (line: string) => {
  process.stderr.write(`${line}\n`);
};
const results: boolean[] = [];
progress(`seed ${seed}`);
if (rounds > 0) {
  const report = await runCrashes({ rounds, seed, main, onRound: progress });
  for (const line of describeCrashes(report)) console.log(line);
  results.push(isGreen(report.verdict));
}
if (cuts > 0) {
  const report = await runPowerCuts({ cuts, seed, main, onCut: progress });
  for (const line of describeCuts(report)) console.log(line);
  results.push(report.problems.length === 0);
  const proof = await runSyncProof({ cuts, seed, main, onCut: progress });
  for (const line of describeProof(proof)) console.log(line);
  results.push(proof.problems.length === 0);
}
const isKept = results.every(Boolean);
console.log(isKept ? 'All promises were kept.' : 'A promise was broken.');
process.exitCode = isKept ? 0 : 1;
