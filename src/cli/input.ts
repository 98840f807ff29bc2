import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { JsonText } from '../client/index.js';
import { CommandFailed, EXIT } from './exit-code.js';

/** Opens a file, or standard input for `-`. */
export function open(file: string): Readable {
  return file === '-' ? process.stdin : createReadStream(file);
}

/** Reads a text file. @throws CommandFailed when it is unreadable or not UTF-8 */
export async function readAll(file: string): Promise<string> {
  const content = await buffer(open(file)).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  return decoded(content, file);
}

/** Yields the JSON object of each non-empty line, as text. @throws CommandFailed which names the line */
export async function* readObjects(file: string): AsyncGenerator<{ number: number; text: JsonText }> {
  let number = 0;
  for await (const line of linesOf(file)) {
    number += 1;
    const where = `${file}, line ${number}`;
    const text = decoded(line, where);
    if (text.trim() !== '') yield { number, text: objectText(text, where) };
  }
}

const LINE_FEED = 10;

/** Splits bytes, because a decoding stream would silently replace invalid UTF-8. */
async function* linesOf(file: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  try {
    for await (const chunk of open(file)) {
      let begin = 0;
      const bytes = chunk as Buffer;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, begin)) {
        yield Buffer.concat([...rest, bytes.subarray(begin, end)]);
        rest = [];
        begin = end + 1;
      }
      rest.push(bytes.subarray(begin));
    }
  } catch (error) {
    throw error instanceof CommandFailed ? error : unreadable(file, error);
  }
  yield Buffer.concat(rest);
}

/** @throws CommandFailed when the text is not a JSON object */
export function objectText(json: string, where: string): JsonText {
  try {
    if (json.trim().startsWith('{')) return new JsonText(json);
  } catch {
    // The error below covers every text that is not an object.
  }
  throw new CommandFailed(EXIT.refused, `${where}: not a JSON object`);
}

function decoded(content: Buffer, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new CommandFailed(EXIT.refused, `${where}: not UTF-8; convert the file first`);
  }
}

function unreadable(file: string, error: unknown): CommandFailed {
  return new CommandFailed(EXIT.notFound, `${file} cannot be read: ${(error as Error).message}`);
}
