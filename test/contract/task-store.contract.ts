import { type OpenStore, useStores } from '../support/store-harness.js';
import { describeBatches } from './suites/batches.suite.js';
import { describeCheckpoints } from './suites/checkpoints.suite.js';
import { describeClaim } from './suites/claim.suite.js';
import { describeClear } from './suites/clear.suite.js';
import { describeClose } from './suites/close.suite.js';
import { describeCounts } from './suites/counts.suite.js';
import { describeDocuments } from './suites/documents.suite.js';
import { describeDue } from './suites/due.suite.js';
import { describeFairness } from './suites/fairness.suite.js';
import { describeFeed } from './suites/feed.suite.js';
import { describeInsert } from './suites/insert.suite.js';
import { describeLimits } from './suites/limits.suite.js';
import { describeList } from './suites/list.suite.js';
import { describeLogs } from './suites/logs.suite.js';
import { describeNames } from './suites/names.suite.js';
import { describeOutbox } from './suites/outbox.suite.js';
import { describePosition } from './suites/position.suite.js';
import { describePriority } from './suites/priority.suite.js';
import { describeRaces } from './suites/races.suite.js';
import { describeRemove } from './suites/remove.suite.js';
import { describeReopen } from './suites/reopen.suite.js';
import { describeReplace } from './suites/replace.suite.js';
import { describeRestore } from './suites/restore.suite.js';
import { describeRetention } from './suites/retention.suite.js';
import { describeTexts } from './suites/texts.suite.js';
import { describeWatch } from './suites/watch.suite.js';

/**
 * The promises of `TaskStore` as tests. Every driver runs all of them, unchanged; one that differs is wrong.
 *
 * What a test cannot bring about through the port is left to the tests of each driver: a killed process, a power
 * cut, a failing disk, two processes at one store.
 */
export function describeTaskStore(name: string, open: OpenStore): void {
  describe(`TaskStore, ${name}`, () => {
    const start = useStores(open);
    describe('insert', () => describeInsert(start));
    describe('texts', () => describeTexts(start));
    describe('names', () => describeNames(start));
    describe('claim', () => describeClaim(start));
    describe('restore', () => describeRestore(start));
    describe('replace', () => describeReplace(start));
    describe('checkpoints', () => describeCheckpoints(start));
    describe('remove', () => describeRemove(start));
    describe('clear', () => describeClear(start));
    describe('position', () => describePosition(start));
    describe('a new priority', () => describePriority(start));
    describe('list', () => describeList(start));
    describe('counts', () => describeCounts(start));
    describe('due', () => describeDue(start));
    describe('retention', () => describeRetention(start));
    describe('onCommit', () => describeFeed(start));
    describe('watch', () => describeWatch(start));
    describe('batches', () => describeBatches(start));
    describe('documents', () => describeDocuments(start));
    describe('logs', () => describeLogs(start));
    describe('reopen', () => describeReopen(start));
    describe('close', () => describeClose(start));
    describe('many callers at once', () => describeRaces(start));
  });
}

/** What stores promise of groups, labels and limits. */
export function describeTaskFlow(name: string, open: OpenStore): void {
  describe(`TaskStore, ${name}`, () => {
    const start = useStores(open);
    describe('groups and labels', () => describeFairness(start));
    describe('settings and limits', () => describeLimits(start));
  });
}

/** What stores promise that keep notices of those who have to be told. */
export function describeTaskOutbox(name: string, open: OpenStore): void {
  describe(`TaskStore, ${name}`, () => {
    const start = useStores(open);
    describe('outbox', () => describeOutbox(start));
  });
}
