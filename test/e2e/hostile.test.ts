import { describeStores } from '../support/describe-stores.js';
import { HOSTILE_KEYS, HostileTarget, quickEntries } from '../support/hostile-target.js';

let target: HostileTarget;

describeStores(({ settings }) => {
  beforeAll(async () => {
    target = await HostileTarget.start(settings());
  }, 120_000);

  afterAll(() => target.stop());

  describe('the service under hostile requests', () => {
    it.each(quickEntries.map((entry) => [entry.id, entry] as const))(
      'answers %s as listed',
      async (_, entry) => {
        await target.attack(entry);
        await target.expectHealthy();
      },
    );

    it('pollutes no prototype, and writes no key and no stack into its log', async () => {
      const { log } = target.service;
      expect(await target.get('/tasks/existing-1')).not.toHaveProperty('polluted');
      expect(log).not.toMatch(/^\s+at /m);
      expect(log).not.toContain('stack');
      for (const key of Object.values(HOSTILE_KEYS)) expect(log).not.toContain(key);
    });
  });
});
