import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EQUIVALENT_MUTANTS } from '../../mutation/equivalent.mutants.js';
import { mutantsOf } from '../../mutation/lua.mutants.js';
import { luaPathsOf } from '../../mutation/lua.paths.js';

const ROOT = join(import.meta.dirname, '../../..');

describe('the equivalent mutants', () => {
  it('are mutants of the present scripts', async () => {
    const texts = new Map<string, string>();
    for (const [file, path] of await luaPathsOf(ROOT))
      texts.set(file, await readFile(join(ROOT, path), 'utf8'));
    const unknown = EQUIVALENT_MUTANTS.filter(({ file, before, after }) => {
      const mutants = mutantsOf(file, texts.get(file) ?? '');
      return !mutants.some((mutant) => mutant.before === before && mutant.after === after);
    });
    expect(unknown).toEqual([]);
  });
});
