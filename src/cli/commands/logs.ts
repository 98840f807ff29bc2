import { once } from 'node:events';
import type { LogPart } from '../../client/index.js';
import { type Context, untilInterrupted } from '../context.js';
import { visibleInColor } from '../printer.js';

export interface LogsOptions {
  readonly follow?: boolean;
  readonly attempt?: number;
}

/** `logs`: prints the log of a task, byte for byte; on a terminal only text and colors. */
export async function logs(id: string, { follow, attempt }: LogsOptions, context: Context): Promise<void> {
  const decoder = new TextDecoder();
  const print = async ({ bytes }: LogPart): Promise<void> => {
    const content = process.stdout.isTTY ? visibleInColor(decoder.decode(bytes, { stream: true })) : bytes;
    if (!process.stdout.write(content)) await once(process.stdout, 'drain');
  };
  if (follow) {
    await untilInterrupted(async (signal) => {
      let current = attempt;
      for await (const part of context.client.followLog(id, { attempt, signal })) {
        if (current !== undefined && part.attempt !== current) context.say(`Attempt ${part.attempt}`);
        current = part.attempt;
        await print(part);
      }
    });
    return;
  }
  let part = await context.client.readLog(id, { attempt });
  if (part.first > 0) context.say(`The service keeps the log from byte ${part.first} on`);
  await print(part);
  for (let end = endOf(part); end < part.size; end = endOf(part)) {
    part = await context.client.readLog(id, { attempt: part.attempt, offset: end });
    await print(part);
  }
}

function endOf({ offset, bytes }: LogPart): number {
  return offset + bytes.length;
}
