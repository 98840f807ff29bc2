import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedTaskStore } from '../../src/storage/embedded/embedded-task-store.js';
import { harnessOf, type OpenStore, ROOMY } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';
import { describeStoreModel } from './store.model.js';
import { describeTaskFlow, describeTaskOutbox, describeTaskStore } from './task-store.contract.js';

const openEmbedded: OpenStore = async ({ settings }) => {
  const root = await mkdtemp(join(tmpdir(), 'crucible-contract-'));
  let directory = await mkdtemp(join(root, 'data-'));
  const clock = new FakeClock();
  return harnessOf({
    clock,
    isForgetful: true,
    // A restart takes the snapshot of the clean stop, as only large stores do otherwise; a crash reads the records.
    open: () =>
      EmbeddedTaskStore.open({
        directory,
        clock,
        settings: { ...ROOMY, ...settings },
        snapshotFrom: 0,
        settleMs: 0,
      }),
    abandon: async () => {
      const copy = await mkdtemp(join(root, 'data-'));
      await cp(directory, copy, { recursive: true });
      directory = copy;
    },
    dispose: () => rm(root, { recursive: true, force: true }),
  });
};

describeTaskStore('embedded', openEmbedded);
describeTaskFlow('embedded', openEmbedded);
describeTaskOutbox('embedded', openEmbedded);
describeStoreModel('embedded', openEmbedded);
