import { limitedSignal, pause } from './abort.js';
import type { TaskStatus } from './api.generated.js';
import { ApiError, ClientError, ConnectionFailed, UnexpectedAnswer } from './errors.js';
import { brief, describeError } from './failure-cause.js';
import type { Call, CallOptions } from './transport.js';

/** One transition of one task, without payload and output. */
export interface TaskEvent {
  readonly id: number;
  readonly type:
    | 'queued'
    | 'delayed'
    | 'processing'
    | 'completed'
    | 'failed'
    | 'retrying'
    | 'cancelled'
    | 'expired'
    | 'released'
    | 'lost'
    | 'reprioritized';
  readonly eval_id: string;
  readonly queue: string;
  /** The state after the transition. */
  readonly status: TaskStatus['status'];
  /** Counts up per task. */
  readonly sequence: number;
  readonly timestamp: string;
  readonly attempt: number;
  readonly worker_id?: string;
  readonly error?: string;
  /** The new priority, of the type `reprioritized`. */
  readonly priority?: number;
}

/** The service no longer keeps some events. Read the current state of the tasks again. */
export interface EventReset {
  readonly type: 'reset';
  readonly reason: 'too_old' | 'unknown';
}

export interface EventFilter {
  readonly queue?: readonly string[];
  readonly type?: readonly TaskEvent['type'][];
  readonly eval_id?: readonly string[];
}

export interface EventOptions extends CallOptions {
  /** Resumes after this event. */
  readonly lastEventId?: string;
  /** Seconds without data before the client reconnects; the service sends a comment line every 15 s. Default 60. */
  readonly silence?: number;
  /** Called with the error that broke the connection, before the client reconnects. */
  readonly onTrouble?: (error: unknown) => void;
  /** Called when the stream is open, at first and after each reconnect. */
  readonly onOpen?: () => void;
}

interface Message {
  readonly id?: string;
  readonly type: string;
  readonly data: string;
}

const RECONNECT_MS = 1000;
/** Maximum characters per message: more than a task's longest error with its escapes. */
const LONGEST_MESSAGE = 16 * 1024 * 1024;

/**
 * Streams transitions until the signal fires. After a broken connection it resumes after the last event.
 *
 * @throws ApiError when the service rejects the request; the reason of the signal
 */
export async function* readEvents(
  open: (call: Call) => Promise<Response>,
  filter: EventFilter,
  { lastEventId, signal, silence = 60, onTrouble, onOpen }: EventOptions,
): AsyncGenerator<TaskEvent | EventReset, void> {
  let lastId = lastEventId;
  for (;;) {
    try {
      for await (const message of messages(open, { query: { ...filter }, lastId, signal, silence, onOpen })) {
        lastId = message.id ?? lastId;
        // An id without data marks a position between two events.
        if (message.data !== '') yield eventOf(message);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
      onTrouble?.(error instanceof ClientError ? error : broken(error));
    }
    await pause(RECONNECT_MS, signal);
  }
}

function broken(error: unknown): ConnectionFailed {
  return new ConnectionFailed(`GET events: ${describeError(error)}`, { cause: brief(error) });
}

interface Connection {
  readonly query: NonNullable<Call['query']>;
  readonly lastId: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly silence: number;
  readonly onOpen: (() => void) | undefined;
}

async function* messages(
  open: (call: Call) => Promise<Response>,
  { query, lastId, signal, silence, onOpen }: Connection,
): AsyncGenerator<Message> {
  const headers = {
    Accept: 'text/event-stream',
    ...(lastId === undefined ? {} : { 'Last-Event-ID': lastId }),
  };
  const limited = limitedSignal(silence * 1000, signal);
  try {
    const response = await open({ method: 'GET', path: 'events', query, headers, signal: limited.signal });
    onOpen?.();
    for await (const part of partsOf(response, limited.restart)) yield messageOf(part);
  } finally {
    limited.end();
  }
}

function eventOf({ type, data }: Message): TaskEvent | EventReset {
  const event = JSON.parse(data) as TaskEvent | Omit<EventReset, 'type'>;
  return type === 'reset' ? { ...(event as Omit<EventReset, 'type'>), type } : (event as TaskEvent);
}

/** Splits a stream of server-sent events into messages: one field per line, a blank line after each message. */
async function* partsOf(response: Response, onSign: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const chunk of response.body ?? []) {
    onSign();
    buffer += decoder.decode(chunk as Uint8Array, { stream: true });
    const parts = buffer.split(/\r?\n\r?\n/);
    buffer = parts.pop() ?? '';
    yield* parts;
    if (buffer.length > LONGEST_MESSAGE)
      throw new UnexpectedAnswer(`GET events: a message has more than ${LONGEST_MESSAGE} characters`);
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
