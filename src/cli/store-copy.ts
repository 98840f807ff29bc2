/**
 * `npm run store:copy -- --from embedded --to redis`, or the reverse, copies everything from one store to the other.
 * The service's settings name both stores. The service must be stopped.
 */
import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';
import { type Config, loadConfig, type QueueStore } from '../config/config.js';
import { type CopyProgress, type CopyReport, copyStore } from '../storage/store-copy.js';
import { openTaskStore } from '../storage/storage.module.js';

const STORES: readonly QueueStore[] = ['embedded', 'redis'];
const USAGE = 'Usage: npm run store:copy -- --from embedded|redis --to embedded|redis';
const BAD_USAGE = 2;

/** @returns the exit code: 0 when the target has every task of the source, with equal content */
async function main(): Promise<number> {
  const stores = readArguments();
  if (stores === undefined) return say(USAGE, BAD_USAGE);
  // Standard output carries only the result.
  Logger.overrideLogger({ log: printLine, warn: printLine, error: printLine });
  const from = await openTaskStore(configFor(stores.from));
  try {
    const to = await openTaskStore(configFor(stores.to));
    try {
      return describe(await copyStore(from, to, progressTeller()));
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

/** Prints one line per percent. */
function progressTeller(): (progress: CopyProgress) => void {
  let told = -1;
  return ({ done, total }) => {
    const percent = Math.floor((done * 100) / total);
    if (percent > told) say(`${done} of ${total} tasks`, 0);
    told = percent;
  };
}

function configFor(store: QueueStore): Config {
  return loadConfig({ ...process.env, QUEUE_STORE: store });
}

function readArguments(): { from: QueueStore; to: QueueStore } | undefined {
  const { values } = parseArgs({ options: { from: { type: 'string' }, to: { type: 'string' } } });
  const from = STORES.find((store) => store === values.from);
  const to = STORES.find((store) => store === values.to);
  return from === undefined || to === undefined || from === to ? undefined : { from, to };
}

function describe(report: CopyReport): number {
  const { total, copied, present, differentCount, different, miscounted, differentDocuments, shortenedLogs } =
    report;
  process.stdout.write(`${total} tasks: ${copied} copied, ${present} already present\n`);
  if (differentCount > 0) {
    const some = different.slice(0, 10).join(', ');
    say(`${differentCount} tasks differ in the target and were not changed: ${some}`, 1);
  }
  if (shortenedLogs > 0)
    say(`The target keeps less of the logs of ${shortenedLogs} tasks, by its LOG_MAX_BYTES`, 0);
  if (miscounted.length > 0) say(`The target lacks tasks in: ${miscounted.join(', ')}`, 1);
  if (differentDocuments.length > 0)
    say(`Documents that differ in the target: ${differentDocuments.join(', ')}`, 1);
  return differentCount + miscounted.length + differentDocuments.length > 0 ? 1 : 0;
}

function printLine(line: unknown): void {
  say(String(line), 0);
}

function say(line: string, code: number): number {
  process.stderr.write(`${line}\n`);
  return code;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = say(error instanceof Error ? error.message : String(error), 1);
  },
);
