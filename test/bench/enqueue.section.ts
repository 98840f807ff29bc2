import type { BenchContext } from './bench.context.js';
import { contest, type Contestant, ratioOf, reportSamples } from './contest.js';
import { PROGRAMS, ServerProcess } from './server.process.js';

const BODY_BYTES = 600;
const SECTION = 'enqueue';

/** `POST /tasks`, durable before the answer, beside the same application without a store, and beside `node:http`. */
export async function enqueueSection(context: BenchContext): Promise<void> {
  const programs = [
    ['service', PROGRAMS.service],
    ...(context.options.baseline === undefined ? [] : [['baseline', context.options.baseline] as const]),
    ['no-op', PROGRAMS.noop],
    ['raw node:http', PROGRAMS.raw],
  ] as const;
  const contestants: Contestant[] = [];
  for (const [name, program] of programs) {
    const server = await ServerProcess.start({ program, env: { DATA_DIR: context.freshDirectory() } });
    const traffic = (round: number) =>
      ({ kind: 'enqueue', prefix: `r${round}`, from: 1_000_000, bodyBytes: BODY_BYTES }) as const;
    contestants.push({ name, server, traffic });
  }
  const samples = await contest(context, contestants, {
    rounds: 9,
    unitsPerRound: context.scaled(20_000),
    warmUpUnits: context.scaled(40_000),
  });
  for (const { server } of contestants) await server.stop();
  reportSamples(context, SECTION, samples);
  const ratio = (other: string) => ratioOf(samples, ['service', other], 'perSecond');
  const wanted = [
    ['no-op', 0.85],
    ['raw node:http', 0.5],
  ] as const;
  for (const [other, atLeast] of wanted) {
    const name = `service ÷ ${other}`;
    context.report({ section: SECTION, name, value: ratio(other), unit: '×', wanted: { atLeast } });
  }
  if (context.options.baseline === undefined) return;
  context.report({ section: SECTION, name: 'service ÷ baseline', value: ratio('baseline'), unit: '×' });
}
