import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';

/** A page of the dashboard that is kept up to date, as its script asks for it. */
export class LiveStream {
  /** Each message, whole. */
  readonly messages: string[] = [];
  isEnded = false;
  private rest = '';
  private taken = 0;

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      this.take(text);
    });
    response.on('error', () => undefined);
    response.once('close', () => (this.isEnded = true));
  }

  /** Resolves when the answer has begun. */
  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<LiveStream> {
    const asked = { Accept: 'text/html, text/event-stream', 'HX-Request': 'true', ...headers };
    const sent = request(url, { headers: asked, agent: false }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return new LiveStream(response);
  }

  /** The next message that was not taken, or `undefined` when the stream ends instead. */
  async next(): Promise<string | undefined> {
    while (this.messages.length === this.taken && !this.isEnded) {
      await Promise.race([once(this.response, 'data'), once(this.response, 'close')]);
    }
    const message = this.messages[this.taken];
    if (message !== undefined) this.taken += 1;
    return message;
  }

  close(): void {
    this.response.destroy();
  }

  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    this.messages.push(...blocks.filter((block) => block.startsWith('data:')));
  }
}
