import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { CommandFailed, EXIT } from './exit-code.js';

/** A file, or the standard input for `-`. */
export function open(file: string): Readable {
  return file === '-' ? process.stdin : createReadStream(file);
}

/** @throws CommandFailed when it cannot be read */
export async function readAll(file: string): Promise<string> {
  return text(open(file)).catch((error: unknown) => {
    throw unreadable(file, error);
  });
}

/** The JSON object of each line that is not empty. @throws CommandFailed which names the line */
export async function* readObjects(file: string): AsyncGenerator<Record<string, unknown>> {
  let number = 0;
  for await (const line of linesOf(file)) {
    number += 1;
    if (line.trim() !== '') yield parsed(line, `${file}, line ${number}`);
  }
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const input = open(file);
  let failure: unknown;
  // Some versions of Node end the lines at a fault and say nothing of it.
  input.once('error', (error) => (failure = error));
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    failure = error;
  }
  if (failure !== undefined) throw unreadable(file, failure);
}

/** @throws CommandFailed */
export function parsed(json: string, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Said below, as for everything else that is no object.
  }
  throw new CommandFailed(EXIT.refused, `${where}: this is not a JSON object`);
}

function unreadable(file: string, error: unknown): CommandFailed {
  return new CommandFailed(EXIT.notFound, `${file} cannot be read: ${(error as Error).message}`);
}
