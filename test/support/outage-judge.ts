import { EndingsBoard } from '../../src/queue/endings-board.js';
import { OutageJudge } from '../../src/queue/outage-judge.js';
import { SettingsCache } from '../../src/queue/settings-cache.js';
import { TaskChanger } from '../../src/queue/task-changer.js';
import type { TaskStore } from '../../src/storage/task-store.js';

/** The judge of outages at a store, which looks only when it is asked. */
export function judgeAt(store: TaskStore): OutageJudge {
  const board = new EndingsBoard(store, store.documents);
  return new OutageJudge(store, board, new SettingsCache(store), new TaskChanger(store));
}
