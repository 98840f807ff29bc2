import { Client } from '../client/index.js';
import { CommandFailed, EXIT } from './exit-code.js';
import { type Format, Printer, visible } from './printer.js';

export interface GlobalOptions {
  readonly format?: Format;
  readonly url?: string;
}

const DEFAULT_URL = 'http://127.0.0.1:8081';

/** What every command needs: the client, and the streams for data and messages. */
export class Context {
  readonly client: Client;
  readonly url: string;

  constructor(private readonly options: GlobalOptions) {
    const { QUEUE_URL, QUEUE_API_KEY } = process.env;
    this.url = options.url ?? (nonEmpty(QUEUE_URL) || DEFAULT_URL);
    // The key is no option, because all users of the machine can read arguments.
    const apiKey = nonEmpty(QUEUE_API_KEY).trim() || undefined;
    try {
      this.client = new Client({ url: this.url, apiKey });
    } catch (error) {
      throw new CommandFailed(EXIT.usage, (error as Error).message);
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
