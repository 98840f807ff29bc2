/** Runs compiled files of tests as the first message says, and answers with the result. */
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { PlainSuite } from './plain.suite.js';
import type { SuitePlan } from './suite.plan.js';

const [plan] = (await once(process, 'message')) as [SuitePlan];
// Each server that a test starts ends with this process.
process.setMaxListeners(0);
const suite = new PlainSuite();
Object.assign(globalThis, suite.globals);
for (const file of plan.files) await suite.load(file, () => import(pathToFileURL(file).href));
const result = await suite.run(plan.order, plan.limitsMs);
process.send?.(result, () => process.exit());
