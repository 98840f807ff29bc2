import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedTaskStore } from '../../src/storage/embedded/embedded-task-store.js';
import { harnessOf, type OpenStore, ROOMY } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';
import { describeStoreModel } from './store.model.js';
import { describeTaskFlow, describeTaskStore } from './task-store.contract.js';

const openEmbedded: OpenStore = async ({ settings }) => {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-contract-'));
  const clock = new FakeClock();
  return harnessOf({
    clock,
    isForgetful: true,
    open: () => EmbeddedTaskStore.open({ directory, clock, settings: { ...ROOMY, ...settings } }),
    dispose: () => rm(directory, { recursive: true, force: true }),
  });
};

describeTaskStore('embedded', openEmbedded);
describeTaskFlow('embedded', openEmbedded);
describeStoreModel('embedded', openEmbedded);
