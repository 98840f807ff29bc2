import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTrace } from './system-call.trace.js';

describe('readTrace', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-trace-'));

  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  async function read(...lines: readonly string[]) {
    const file = join(directory, 'trace');
    writeFileSync(file, lines.join('\n'));
    const calls = await readTrace(file);
    return calls.map(({ data, ...call }) => ({ ...call, text: data.toString() }));
  }

  it('reads what was written, where and by whom', async () => {
    expect(
      await read(
        '11 lseek(20, 4096, SEEK_SET) = 4096',
        String.raw`11 writev(20, [{iov_base="\x61\x62", iov_len=2}, {iov_base="\x63", iov_len=1}], 2) = 3`,
        String.raw`12 pwrite64(21, "\x64", 1, 40) = 1`,
      ),
    ).toEqual([
      { name: 'lseek', fd: 20, text: '', offset: 4096, began: 1, ended: 1, result: 4096 },
      { name: 'writev', fd: 20, text: 'abc', offset: undefined, began: 2, ended: 2, result: 3 },
      { name: 'pwrite64', fd: 21, text: 'd', offset: 40, began: 3, ended: 3, result: 1 },
    ]);
  });

  it('puts a call that others interrupted together, once', async () => {
    expect(
      await read(
        String.raw`11 pwrite64(20, "\x61", 1, 40 <unfinished ...>`,
        '12 fdatasync(20 <unfinished ...>',
        '11 <... pwrite64 resumed>) = 1',
        '12 <... fdatasync resumed>) = 0',
      ),
    ).toEqual([
      { name: 'pwrite64', fd: 20, text: 'a', offset: 40, began: 1, ended: 3, result: 1 },
      { name: 'fdatasync', fd: 20, text: '', offset: undefined, began: 2, ended: 4, result: 0 },
    ]);
  });

  it('keeps a call that was still under way at the end', async () => {
    expect(await read(String.raw`11 pwrite64(20, "\x61", 1, 40 <unfinished ...>`)).toEqual([
      { name: 'pwrite64', fd: 20, text: 'a', offset: 40, began: 1, ended: Infinity, result: 0 },
    ]);
  });
});
