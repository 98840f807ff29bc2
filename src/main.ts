import { Logger } from '@nestjs/common';
import { createApp } from './app.setup.js';
import { InvalidConfig } from './config/config.error.js';
import { type Config, loadConfig } from './config/config.js';
import { loadExtensions } from './extensions.js';
import { createLogger } from './logging/service.logger.js';
import { TaskStore } from './storage/task-store.js';

/** How long clients get to read why their last requests failed. */
const LAST_ANSWERS_MS = 500;

/** Starts the service. A start that fails says why in one line, and ends with status 1. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  Logger.overrideLogger(createLogger(config));
  await serve(config);
}

async function serve(config: Config): Promise<void> {
  const app = await createApp(config, { extensions: await loadExtensions(config) });
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  await app.listen(config.PORT, config.HOST);
  new Logger('Main').log(`Listening on ${await app.getUrl()}`);
  const error = await app.get(TaskStore).failure;
  new Logger('Main').fatal(`${error.message}: ${describeCause(error)}; start again to recover`);
  setTimeout(() => process.exit(1), LAST_ANSWERS_MS);
}

function describeCause({ cause }: Error): string {
  return cause instanceof Error ? cause.message : String(cause);
}

main().catch((error: unknown) => {
  const lines = error instanceof InvalidConfig ? error.message : describe(error);
  process.stderr.write(`crucible-queue cannot start: ${lines}\n`);
  process.exit(1);
});

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
