import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDirectory, NoDirectory } from '../../../src/storage/embedded/make-directory.js';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'directory-'));
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

describe('makeDirectory', () => {
  it('creates the parents too, for this user alone', () => {
    makeDirectory(join(home, 'a/b/c'));
    for (const name of ['a', 'a/b', 'a/b/c']) expect(statSync(join(home, name)).mode & 0o777).toBe(0o700);
  });

  it('leaves an existing directory unchanged', () => {
    mkdirSync(join(home, 'shared'), { mode: 0o755 });
    makeDirectory(join(home, 'shared'));
    expect(statSync(join(home, 'shared')).mode & 0o777).toBe(0o755);
  });

  // mkdirSync with `recursive` never returns from the first of these.
  it.each(['/proc/nope', '/proc/nope/deeper', '/sys/nope'])('rejects %s with the reason', (path) => {
    expect(() => {
      makeDirectory(path);
    }).toThrow(NoDirectory);
  });

  it.each(['file', 'file/below'])('reports that %s is, or is below, a file', (name) => {
    writeFileSync(join(home, 'file'), '');
    expect(() => {
      makeDirectory(join(home, name));
    }).toThrow(`Cannot use the directory ${join(home, name)}: ${join(home, 'file')} is not a directory`);
  });
});
