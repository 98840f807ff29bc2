import { type OpenStore, ROOMY } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';
import { ReferenceData, ReferenceStore } from './reference-store.js';
import { describeStoreModel } from './store.model.js';
import { describeTaskStore } from './task-store.contract.js';

const openReference: OpenStore = async ({ settings }) => {
  const clock = new FakeClock();
  const data = new ReferenceData();
  const openStore = () => new ReferenceStore(clock, { ...ROOMY, ...settings }, data);
  let store = openStore();
  return {
    clock,
    get store() {
      return store;
    },
    async reopen() {
      await store.close();
      store = openStore();
      return store;
    },
    destroy: () => store.close(),
  };
};

// The model is held to the same contract as the drivers that are compared with it.
describeTaskStore('reference', openReference);
describeStoreModel('reference', openReference);
