/** All tests here but the slow random ones, in one module graph: Stryker starts it once for each mutant. */
import { readdirSync } from 'node:fs';

const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.test.ts'));
for (const name of files) {
  if (!/property|document/.test(name)) await import(`./${name}`);
}
