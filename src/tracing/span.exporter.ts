import { VERSION } from '../version.js';
import { keyValues, type Span } from './span.js';
import type { TracingSettings } from './tracing.settings.js';

const MAX_WAITING = 8192;
const BATCH = 512;
const INTERVAL_MS = 2_000;
const TIMEOUT_MS = 5_000;

/**
 * Sends spans to a receiver of OTLP over HTTP, in JSON, some hundred at a time. Best effort: what comes while too many
 * wait is dropped, and a batch that the receiver did not take is not sent again. It holds up nobody.
 */
export class SpanExporter {
  private waiting: Span[] = [];
  private sending: Promise<void> | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly settings: TracingSettings) {
    this.timer = setInterval(() => {
      void this.flush();
    }, INTERVAL_MS);
    this.timer.unref();
  }

  add(span: Span): void {
    if (this.waiting.length >= MAX_WAITING) return;
    this.waiting.push(span);
    if (this.waiting.length >= BATCH) void this.flush();
  }

  /** Resolves when everything was sent that waits now, or the receiver did not take it. Never rejects. */
  flush(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => {
      this.sending = undefined;
    });
    return this.sending;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
    // What was added while the last batch was on its way.
    await this.flush();
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.slice(0, BATCH);
      this.waiting = this.waiting.slice(BATCH);
      if (!(await this.send(batch))) return;
    }
  }

  private async send(spans: readonly Span[]): Promise<boolean> {
    const { url, headers, resource } = this.settings;
    const scopeSpans = [{ scope: { name: 'crucible-queue', version: VERSION }, spans }];
    const attributes = keyValues({ ...resource, 'service.version': VERSION });
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans }] }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
