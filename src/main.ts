import { type INestApplication, Logger } from '@nestjs/common';
import { createApp } from './app.setup.js';
import { InvalidConfig } from './config/config.error.js';
import { type Config, deprecatedSettings, loadConfig } from './config/config.js';
import { loadExtensions } from './extension-loader.js';
import { HealthService } from './health/health.service.js';
import { createLogger } from './logging/service-logger.js';
import { hasDamagedHeap } from './storage/failed-heap.js';
import { TaskStore } from './storage/task-store.js';
import { semiSpaceOf, YOUNG_GENERATION_FLAG } from './young-generation.js';

/** Milliseconds for clients to read the error of their last requests. */
const LAST_ANSWERS_MS = 100;

/** Starts the service. On failure it prints one line and exits with status 1. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  Logger.overrideLogger(createLogger(config));
  for (const name of deprecatedSettings(process.env)) {
    new Logger('Main').warn(`${name} is deprecated: the next version uses its default. Unset it.`);
  }
  leaveOutLmdb();
  await serve(config);
}

/** Suppresses the stack trace that lmdb prints for a failed write, which the log reports as well. */
function leaveOutLmdb(): void {
  const print = console.error.bind(console);
  console.error = (...what: unknown[]) => {
    const [error] = what;
    const isOfLmdb = error instanceof Error && /[\\/]lmdb[\\/]write\.js/.test(error.stack ?? '');
    if (!isOfLmdb) print(...what);
  };
}

async function serve(config: Config): Promise<void> {
  const app = await createApp(config, { extensions: await loadExtensions(config) });
  stopOnSignals(app, config);
  await app.listen(config.PORT, config.HOST);
  const url = `${await app.getUrl()}${config.BASE_PATH ?? ''}`;
  new Logger('Main').log(`Listening on ${url} (dashboard: ${url}/dashboard, documentation: ${url}/docs)`);
  warnOfOldNode();
  tellYoungGeneration();
  const error = await app.get(TaskStore).failure;
  new Logger('Main').fatal(`${error.message}: ${describeCause(error)}; start again to recover`);
  setTimeout(() => {
    end(error);
  }, LAST_ANSWERS_MS);
}

/** The oldest release line of Node that gets security fixes: https://github.com/nodejs/release */
const OLDEST_MAINTAINED_NODE = 22;

function warnOfOldNode(): void {
  const major = Number.parseInt(process.versions.node, 10);
  if (major >= OLDEST_MAINTAINED_NODE) return;
  new Logger('Main').warn(
    `Node ${process.versions.node} gets no security fixes any more. Run the service on Node 24, as its image does.`,
  );
}

/** The speed of claims depends on it, and V8 takes it only from the command line. */
function tellYoungGeneration(): void {
  const size = semiSpaceOf(process.env.NODE_OPTIONS ?? '', process.execArgv);
  const advice = `of V8's default size; ${YOUNG_GENERATION_FLAG} makes claims and completions faster`;
  new Logger('Main').log(`Young generation: ${size === undefined ? advice : `2 × ${size} MiB`}`);
}

/**
 * Exits with status 1. If an lmdb error has corrupted its memory, an orderly exit would free that memory and abort;
 * SIGKILL avoids this.
 */
function end(error: Error): void {
  if (hasDamagedHeap(error)) process.kill(process.pid, 'SIGKILL');
  process.exit(1);
}

function describeCause({ cause }: Error): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * On SIGTERM, fails the readiness check, serves for `SHUTDOWN_DELAY_SECONDS`, then drains and exits. A second signal or
 * SIGINT skips the delay. Signals during the drain have no effect, as it is bounded.
 */
function stopOnSignals(app: INestApplication, { SHUTDOWN_DELAY_SECONDS: delay }: Config): void {
  let waiting: NodeJS.Timeout | undefined;
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    clearTimeout(waiting);
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        new Logger('Main').error(`Shutdown failed: ${describe(error)}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', () => {
    if (delay === 0 || waiting !== undefined) {
      stop();
      return;
    }
    app.get(HealthService).stopBeingReady();
    new Logger('Main').log(`Shutting down: serving for ${delay} s, then draining`);
    waiting = setTimeout(stop, delay * 1000);
  });
}

main().catch((error: unknown) => {
  const lines = error instanceof InvalidConfig ? error.message : describe(error);
  process.stderr.write(`crucible-queue cannot start: ${lines}\n`);
  process.exit(1);
});

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
