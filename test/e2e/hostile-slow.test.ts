import type { HostileEntry } from '../support/hostile-request.js';
import { HostileTarget, slowEntries } from '../support/hostile-target.js';
import type { RawOptions } from '../support/raw-exchange.js';
import { surroundingsOf } from '../support/store-surroundings.js';

// Both stores at once: it is only waited here.
const places = (['embedded', 'redis'] as const).map((name) => ({ name, surroundings: surroundingsOf(name) }));
const targets: HostileTarget[] = [];

function optionsFor({ transport }: HostileEntry): RawOptions {
  if (transport === undefined) return {};
  const { mode, bytesPerSec, forSec } = transport;
  return {
    patience: forSec * 1000,
    bytesPerSecond: mode === 'drip' ? bytesPerSec : undefined,
    deafFor: mode === 'no-read' ? forSec * 1000 - 2_000 : undefined,
  };
}

beforeAll(async () => {
  for (const { surroundings } of places) {
    await surroundings.start();
    targets.push(await HostileTarget.start(surroundings.settings()));
  }
}, 120_000);

afterAll(async () => {
  for (const target of targets) await target.stop();
  for (const { surroundings } of places) await surroundings.stop();
});

describe('the service under requests that do not end', () => {
  it.concurrent.each(
    places.flatMap(({ name }, index) =>
      slowEntries.map((entry) => [entry.id, name, { entry, index }] as const),
    ),
  )(
    'answers %s as listed, on the %s store',
    async (_id, _name, { entry, index }) => {
      await targets[index]?.attack(entry, optionsFor(entry));
      await targets[index]?.expectHealthy();
    },
    120_000,
  );
});
