import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from './app.setup.js';
import { loadConfig } from './config/config.js';
import { ApiDocument, DOCUMENT_FORMATS, fileNameOf } from './docs/api-document.js';

/**
 * Prints the OpenAPI document of the real application, without listening or touching stored data. Given a directory, it
 * writes all formats there instead.
 */
async function main(target: string | undefined): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-openapi-'));
  try {
    const config = loadConfig({ REDIS_URL: '', DATA_DIR: directory });
    const app = await createApp(config, { logger: false });
    const document = app.get(ApiDocument);
    if (target === undefined) process.stdout.write(document.make('json'));
    else
      for (const format of DOCUMENT_FORMATS)
        await writeFile(join(target, fileNameOf(format)), document.make(format));
    await app.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

await main(process.argv[2]);
