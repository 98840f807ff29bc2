/** Runs compiled files of tests, and ends at the first test that fails, with the exit code 1, or 2 when it was late. */
import { pathToFileURL } from 'node:url';
import { PlainSuite, TestLate } from './plain.suite.js';

const suite = new PlainSuite();
Object.assign(globalThis, suite.globals);
try {
  for (const file of process.argv.slice(2)) {
    await import(pathToFileURL(file).href);
    await suite.run();
  }
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(error instanceof TestLate ? 2 : 1);
}
