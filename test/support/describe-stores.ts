import type { Config } from '../../src/config/config.js';
import { type StorePlace, type Surroundings, surroundingsOf } from './store-surroundings.js';
import { startTestApp } from './test-app.js';

/** Starting several servers takes its time. */
const START_LIMIT_MS = 60_000;

let places: readonly StorePlace[] = ['embedded', 'redis'];

export interface StoreUnderTest extends Pick<Surroundings, 'settings'> {
  readonly name: Config['QUEUE_STORE'];
  /** `startTestApp` on this store. */
  readonly startApp: typeof startTestApp;
}

/** Has the tests of the whole service that are imported after this call run here alone. */
export function keepTasksAt(place: StorePlace): void {
  places = [place];
}

/** Declares the tests of the whole service once for each store. */
export function describeStores(declare: (store: StoreUnderTest) => void): void {
  describe.each(places)('on the %s store,', (place) => {
    const surroundings = surroundingsOf(place);
    const settings = () => surroundings.settings();
    beforeAll(() => surroundings.start(), START_LIMIT_MS);
    declare({
      name: place === 'embedded' ? 'embedded' : 'redis',
      settings,
      startApp: (env, logger) => startTestApp({ ...settings(), ...env }, logger),
    });
    // Hooks run in the order of their declaration: the services have ended by now.
    afterAll(() => surroundings.stop());
  });
}
