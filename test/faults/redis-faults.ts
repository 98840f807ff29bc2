/**
 * `npm run test:faults:redis -- [--only NAME,NAME] [--seconds 25] [--seed N]`: breaks Redis, the network and the replicas
 * of the service under load, and judges what clients saw. Progress goes to stderr; the exit code is 0 when every promise
 * was kept.
 */
import { parseArgs } from 'node:util';
import { runScenario } from './redis.campaign.js';
import { describeDelays, describeFailures, describeReport, isKept, keepHistory } from './redis.report.js';
import { REDIS_SCENARIOS } from './redis.scenarios.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '25' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    main: { type: 'string' },
  },
});
const names = values.only?.split(',') ?? REDIS_SCENARIOS.map(({ name }) => name);
const unknown = names.filter((name) => !REDIS_SCENARIOS.some((scenario) => scenario.name === name));
const [seed, seconds] = [Number(values.seed), Number(values.seconds)];
if (unknown.length > 0 || !Number.isInteger(seed) || !Number.isFinite(seconds)) {
  console.error(
    `There is no scenario ${unknown.join(', ')}, or --seed or --seconds is no number. The scenarios are:`,
  );
  console.error(REDIS_SCENARIOS.map(({ name }) => name).join(' '));
  process.exit(2);
}

const progress = (line: string) => {
  process.stderr.write(`${line}\n`);
};
progress(`seed ${seed}`);
let broken = 0;
for (const scenario of REDIS_SCENARIOS.filter(({ name }) => names.includes(name))) {
  const report = await runScenario(scenario, { seed, seconds, main: values.main, onRound: progress });
  console.log(describeReport(report));
  for (const line of [...describeFailures(report), ...describeDelays(report)]) console.log(line);
  if (isKept(report)) continue;
  broken += 1;
  progress(`what clients did is in ${keepHistory(report, seed)}`);
}
console.log(broken === 0 ? 'All promises were kept.' : `${broken} scenarios broke a promise.`);
process.exitCode = broken === 0 ? 0 : 1;
