import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiDocument, DOCUMENT_FORMATS, fileNameOf } from '../../../src/docs/api-document.js';
import { startTestApp } from '../../support/test-app.js';

describe('the OpenAPI document', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-document-'));
    for (const format of DOCUMENT_FORMATS)
      writeFileSync(join(directory, fileNameOf(format)), `prepared ${format}`);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it('is read from the build, without an application', async () => {
    const document = new ApiDocument(directory);
    for (const format of DOCUMENT_FORMATS)
      expect(String((await document.text(format)).content)).toBe(`prepared ${format}`);
  });

  it('is generated when the build has none', async () => {
    const service = await startTestApp();
    const document = new ApiDocument(join(directory, 'nothing'));
    document.describe(service.app, { isExtended: false });
    for (const format of DOCUMENT_FORMATS)
      expect(String((await document.text(format)).content)).toContain('/tasks/{eval_id}');
    await service.close();
  });
});
