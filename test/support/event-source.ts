import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { TaskEvent } from '../../src/task/task-event.js';

export interface SourceOptions {
  readonly lastEventId?: string;
  readonly key?: string;
}

/** A reader of the event stream, as browsers are: it keeps the last id, also of blocks that have no data. */
export class EventSource {
  readonly events: TaskEvent[] = [];
  readonly resets: unknown[] = [];
  /** Signs of life. */
  beats = 0;
  lastEventId: string | undefined;
  isEnded = false;
  private rest = '';

  private constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      this.take(text);
    });
    response.on('error', () => undefined);
    response.once('close', () => (this.isEnded = true));
  }

  /** Resolves when the answer has begun. */
  static async open(url: string, { lastEventId, key }: SourceOptions = {}): Promise<EventSource> {
    const sent = request(url, {
      headers: {
        ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }),
        ...(key !== undefined && { 'X-API-Key': key }),
      },
      agent: false,
    }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const source = new EventSource(response);
    source.lastEventId = lastEventId;
    return source;
  }

  /** Resolves when this is so; looks after each piece that comes. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.isEnded) throw new Error(`The stream ended before: ${isSo}`);
      await Promise.race([once(this.response, 'data'), once(this.response, 'close')]);
    }
  }

  async ended(): Promise<void> {
    if (!this.isEnded) await once(this.response, 'close');
  }

  /** As a client that is killed. */
  kill(): void {
    this.response.destroy();
  }

  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) this.takeBlock(block);
  }

  private takeBlock(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon === 0) this.beats += 1;
      else if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
    }
    this.lastEventId = fields.get('id') ?? this.lastEventId;
    const data = fields.get('data');
    if (data === undefined) return;
    if (fields.get('event') === 'reset') this.resets.push(JSON.parse(data));
    else this.events.push(JSON.parse(data) as TaskEvent);
  }
}
