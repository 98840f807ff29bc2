import { pause } from '../../client/abort.js';
import { ApiError } from '../../client/index.js';
import type { Context } from '../context.js';

export interface TailOptions {
  readonly queue?: string[];
  readonly type?: string[];
  readonly id?: string[];
}

interface Message {
  readonly id?: string;
  readonly type: string;
  readonly data: string;
}

const RECONNECT_MS = 1000;

/** `tail`: transitions as they happen. It goes on where it was when the connection breaks. */
export async function tail(options: TailOptions, context: Context): Promise<void> {
  const query = { queue: options.queue, type: options.type, eval_id: options.id };
  let lastId: string | undefined;
  for (;;) {
    const headers = {
      Accept: 'text/event-stream',
      ...(lastId === undefined ? {} : { 'Last-Event-ID': lastId }),
    };
    try {
      const response = await context.client.stream({ method: 'GET', path: 'events', query, headers });
      for await (const message of messagesOf(response)) {
        lastId = message.id ?? lastId;
        await print(message, context);
      }
    } catch (error) {
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
      context.say(`${(error as Error).message}; connecting again`);
    }
    await pause(RECONNECT_MS);
  }
}

async function print({ type, data }: Message, context: Context): Promise<void> {
  if (type === 'reset') {
    context.say('Some events were missed: they are not kept any more');
    return;
  }
  if (!process.stdout.isTTY) return context.list().text(`${data}\n`);
  const event = JSON.parse(data) as Record<string, unknown>;
  const { timestamp, type: kind, eval_id: id, queue, attempt, worker_id: worker, error } = event;
  const shown = [timestamp, kind, id, queue, attempt, worker, error]
    .filter((each) => each !== null && each !== undefined)
    .map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
  await context.list().text(`${shown.join('  ')}\n`);
}

/** Server-sent events: fields on lines of their own, and an empty line behind each message. */
async function* messagesOf(response: Response): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const chunk of response.body ?? []) {
    buffer += decoder.decode(chunk as Uint8Array, { stream: true });
    const parts = buffer.split(/\r?\n\r?\n/);
    buffer = parts.pop() ?? '';
    for (const part of parts) {
      const message = messageOf(part);
      if (message.data !== '') yield message;
    }
  }
}

function messageOf(part: string): Message {
  const message = { type: 'message', data: '', id: undefined as string | undefined };
  for (const line of part.split(/\r?\n/)) {
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === 'data') message.data += (message.data === '' ? '' : '\n') + value;
    if (field === 'event') message.type = value;
    if (field === 'id') message.id = value;
  }
  return message;
}
