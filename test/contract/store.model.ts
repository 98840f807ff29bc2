import fc from 'fast-check';
import type { OpenStore } from '../support/store-harness.js';
import { storeCommands } from './store.commands.js';
import { compareAll, compareFeeds, Model, Real, settingsFor } from './store.world.js';

/** Runs of the model test; more find more. */
const RUNS = Number(process.env.MODEL_RUNS ?? 25);

/** A failure prints its seed; the same seed makes the same runs. */
const SEED = process.env.MODEL_SEED === undefined ? 20_260_101 : Number(process.env.MODEL_SEED);

/** Shrinking takes long, and whoever only asks whether something fails need not wait for it. */
const SHRINKS = process.env.MODEL_SHRINKS !== 'no';

const MAX_COMMANDS = 70;

/** No run takes that long, shrinking a failure may. */
const RUN_MS = 20_000;

/**
 * Does the same random things to a driver and to the reference, with restarts in between, and compares after each.
 *
 * `MODEL_RUNS` sets how many sequences are tried and `MODEL_SEED` which.
 */
export function describeStoreModel(name: string, open: OpenStore): void {
  describe(`the store model, ${name}`, () => {
    it(
      `cannot be told from the reference in ${RUNS} runs of seed ${SEED}`,
      async () => {
        const commands = fc.commands(storeCommands, { maxCommands: MAX_COMMANDS, size: 'max' });
        const property = fc.asyncProperty(fc.boolean(), commands, (hasLimits, sequence) =>
          runBoth(open, hasLimits, sequence),
        );
        await fc.assert(property, {
          numRuns: RUNS,
          seed: SEED,
          endOnFailure: !SHRINKS,
          interruptAfterTimeLimit: RUNS * RUN_MS,
        });
      },
      RUNS * RUN_MS * 2,
    );
  });
}

type Commands = Parameters<typeof fc.asyncModelRun<Model, Real, false, Model>>[1];

async function runBoth(open: OpenStore, hasLimits: boolean, sequence: Commands): Promise<void> {
  const harness = await open({ settings: settingsFor(hasLimits) });
  try {
    const model = new Model(hasLimits, harness.clock);
    const real = new Real(harness);
    await fc.asyncModelRun(() => ({ model, real }), sequence);
    await compareAll(model, real);
    await compareFeeds(model, real);
  } finally {
    await harness.destroy();
  }
}
