import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from './app.setup.js';
import { loadConfig } from './config/config.js';
import { ApiDocument } from './docs/api-document.js';

/** Prints the OpenAPI document of the real application, which neither listens nor touches the real data. */
async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-openapi-'));
  try {
    const config = loadConfig({ REDIS_URL: '', DATA_DIR: directory });
    const app = await createApp(config, { logger: false });
    process.stdout.write(app.get(ApiDocument).json.content);
    await app.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
