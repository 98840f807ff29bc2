import { jest } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mendWriteReport } from '../../../src/storage/embedded/lmdb-report.js';
import { openFile } from '../../../src/storage/embedded/lmdb-file.js';

describe('mendWriteReport', () => {
  it('finds and shortens the text of the lmdb in use', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crucible-report-'));
    const root = openFile(directory, { isInPieces: true });

    expect(mendWriteReport()).toBe(true);

    // The memory is that of the process; another copy of the module finds it mended.
    jest.resetModules();
    const again = await import('../../../src/storage/embedded/lmdb-report.js');
    expect(again.mendWriteReport).not.toBe(mendWriteReport);
    expect(again.mendWriteReport()).toBe(true);

    await root.put('still', 'writes');
    expect(root.get('still')).toBe('writes');
    await root.close();
    rmSync(directory, { recursive: true });
  });
});
