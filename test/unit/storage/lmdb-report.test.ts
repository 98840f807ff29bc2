import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mendWriteReport } from '../../../src/storage/embedded/lmdb-report.js';
import { openFile } from '../../../src/storage/embedded/lmdb-file.js';

describe('mendWriteReport', () => {
  it('finds and shortens the text of the lmdb in use, once', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-report-'));
    const root = openFile(directory, { isInPieces: true });

    expect(mendWriteReport()).toBe(true);
    expect(mendWriteReport()).toBe(true);

    await root.put('still', 'writes');
    expect(root.get('still')).toBe('writes');
    await root.close();
    rmSync(directory, { recursive: true });
  });
});
