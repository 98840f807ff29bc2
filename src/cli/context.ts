import { Client } from '../client/index.js';
import { CommandFailed, EXIT } from './exit-code.js';
import { type Format, Printer, visible } from './printer.js';

export interface GlobalOptions {
  readonly format?: Format;
  readonly url?: string;
}

const DEFAULT_URL = 'http://127.0.0.1:8081';

/** What every command needs: the service, and where data and messages go. */
export class Context {
  readonly client: Client;
  readonly url: string;

  constructor(private readonly options: GlobalOptions) {
    const { QUEUE_URL, QUEUE_API_KEY } = process.env;
    this.url = options.url ?? (nonEmpty(QUEUE_URL) || DEFAULT_URL);
    // A key in the arguments could be read by every user of the machine: there is no option for it.
    const apiKey = nonEmpty(QUEUE_API_KEY).trim() || undefined;
    try {
      this.client = new Client({ url: this.url, apiKey });
    } catch (error) {
      throw new CommandFailed(EXIT.usage, (error as Error).message);
    }
  }

  /** For lists: a table on a terminal, else a line of JSON for each. */
  list(): Printer {
    return this.printer('ndjson');
  }

  /** For one thing: a table on a terminal, else JSON. */
  single(): Printer {
    return this.printer('json');
  }

  /** A message for a person, which may quote what a task said. */
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

/** What a command of a task wrote last did not end its line. */
let isMidLine = false;

/** Shows what the command of a task wrote to its standard error; false when the reader has to catch up. */
export function relay(text: string): boolean {
  if (text === '') return true;
  isMidLine = !text.endsWith('\n');
  return process.stderr.destroyed || !process.stderr.writable || process.stderr.write(visible(text));
}

/** Writes a line to the standard error, as long as somebody reads it. */
export function say(message: string): void {
  if (process.stderr.destroyed || !process.stderr.writable) return;
  // Elsewhere, too: logs are read on terminals.
  process.stderr.write(`${isMidLine ? '\n' : ''}${visible(message)}\n`);
  isMidLine = false;
}

function nonEmpty(text: string | undefined): string {
  return text ?? '';
}
