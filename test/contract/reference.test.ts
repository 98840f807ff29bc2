import { harnessOf, type OpenStore, ROOMY } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';
import { ReferenceData, ReferenceStore } from './reference-store.js';
import { describeStoreModel } from './store.model.js';
import { describeTaskFlow, describeTaskStore } from './task-store.contract.js';

const openReference: OpenStore = async ({ settings }) => {
  const clock = new FakeClock();
  const data = new ReferenceData();
  return harnessOf({
    clock,
    open: () => Promise.resolve(new ReferenceStore(clock, { ...ROOMY, ...settings }, data)),
  });
};

// The model is held to the same contract as the drivers that are compared with it.
describeTaskStore('reference', openReference);
describeTaskFlow('reference', openReference);
describeStoreModel('reference', openReference);
