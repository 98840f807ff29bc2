import { Client, type ClientOptions } from '../client/index.js';
import { CommandFailed, EXIT, exitCodeOf, problemText } from './exit-code.js';
import { type Format, Printer, visible } from './printer.js';

export interface GlobalOptions {
  readonly format?: Format;
  readonly url?: string;
}

const DEFAULT_URL = 'http://127.0.0.1:8081';
/** Seconds that a read keeps trying while an operator waits for it. */
const PATIENCE_ON_TERMINAL = 2;

/** What every command needs: the client, and the streams for data and messages. */
export class Context {
  readonly client: Client;
  readonly url: string;
  private readonly clientOptions: ClientOptions;

  constructor(private readonly options: GlobalOptions) {
    const { QUEUE_URL, QUEUE_API_KEY } = process.env;
    this.url = options.url ?? (nonEmpty(QUEUE_URL) || DEFAULT_URL);
    // The key is no option, because all users of the machine can read arguments.
    const apiKey = nonEmpty(QUEUE_API_KEY).trim() || undefined;
    const readPatience = process.stderr.isTTY ? PATIENCE_ON_TERMINAL : undefined;
    let isSaid = false;
    const onRetry = (error: unknown): void => {
      if (!isSaid) say(`${problemText(error, this.url)}; retrying`);
      isSaid = true;
    };
    this.clientOptions = { url: this.url, apiKey, readPatience, onRetry };
    this.client = this.newClient({});
  }

  /** A client that tries each call once. */
  impatientClient(): Client {
    return this.newClient({ patience: 0, readPatience: 0 });
  }

  private newClient(options: Partial<ClientOptions>): Client {
    try {
      return new Client({ ...this.clientOptions, ...options });
    } catch (error) {
      const message = (error as Error).message.replace('give the key as apiKey', 'set QUEUE_API_KEY');
      throw new CommandFailed(EXIT.usage, message.replace(/^apiKey\b/, 'QUEUE_API_KEY'));
    }
  }

  /** Prints lists: a table on a terminal, otherwise one line of JSON per row. */
  list(): Printer {
    return this.printer('ndjson');
  }

  /** Prints one object: a table on a terminal, otherwise JSON. */
  single(): Printer {
    return this.printer('json');
  }

  /** Prints a message for the operator. The message may quote a task. */
  say(message: string): void {
    say(message);
  }

  private printer(elsewhere: Format): Printer {
    const format = this.options.format ?? (process.stdout.isTTY ? 'table' : elsewhere);
    const { NO_COLOR, TERM } = process.env;
    const hasColors = process.stdout.isTTY && !nonEmpty(NO_COLOR) && TERM !== 'dumb';
    return new Printer(process.stdout, { format, hasColors });
  }
}

/**
 * Runs until the operator interrupts, and then ends without an error. A second signal ends the process at once.
 *
 * @throws the errors of `act` before the interruption
 */
export async function untilInterrupted(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  try {
    await act(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

/** Whether the service is unreachable or unavailable, so that a later call may succeed. */
export function isOutage(error: unknown): boolean {
  return exitCodeOf(error) === EXIT.unavailable;
}

/** Whether the last relayed text did not end its line. */
let isMidLine = false;

/** Relays a command's standard error; false when the caller must wait for the stream to drain. */
export function relay(text: string): boolean {
  if (text === '') return true;
  isMidLine = !text.endsWith('\n');
  return process.stderr.destroyed || !process.stderr.writable || process.stderr.write(visible(text));
}

/** Writes a line to standard error while the stream is open. */
export function say(message: string): void {
  if (process.stderr.destroyed || !process.stderr.writable) return;
  // Escaped in files too, because logs are read on terminals.
  process.stderr.write(`${isMidLine ? '\n' : ''}${visible(message)}\n`);
  isMidLine = false;
}

function nonEmpty(text: string | undefined): string {
  return text ?? '';
}
