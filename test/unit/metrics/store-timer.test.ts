import { timeWrites } from '../../../src/metrics/store-timer.js';
import type { Change, ReplaceOptions } from '../../../src/storage/task-store.js';
import { ReferenceData, ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock } from '../../support/task.builders.js';

class KeepingStore extends ReferenceStore {
  readonly options: (ReplaceOptions | undefined)[] = [];

  override replace(changes: readonly Change[], options?: ReplaceOptions): Promise<readonly boolean[]> {
    this.options.push(options);
    return super.replace(changes);
  }
}

describe('a store whose writes are measured', () => {
  it('gets every argument of a call', async () => {
    const store = new KeepingStore(new FakeClock(), ROOMY, new ReferenceData());
    const measured: string[] = [];
    timeWrites(store, (operation) => measured.push(operation));
    expect(await store.replace([], { inSteps: true })).toEqual([]);
    expect([measured, store.options]).toEqual([['replace'], [{ inSteps: true }]]);
  });
});
