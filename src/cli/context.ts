import { Client } from '../client/index.js';
import { CommandFailed, EXIT } from './exit-code.js';
import { type Format, Printer } from './printer.js';

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
    if (!URL.canParse(this.url))
      throw new CommandFailed(EXIT.usage, `${this.url} is not a URL: http://host:port`);
    // A key in the arguments could be read by everyone on the machine: there is no option for it.
    this.client = new Client({ url: this.url, apiKey: nonEmpty(QUEUE_API_KEY) || undefined });
  }

  /** For lists: a table on a terminal, else a line of JSON for each. */
  list(): Printer {
    return this.printer('ndjson');
  }

  /** For one thing: a table on a terminal, else JSON. */
  single(): Printer {
    return this.printer('json');
  }

  /** A message for a person. */
  say(message: string): void {
    process.stderr.write(`${message}\n`);
  }

  private printer(elsewhere: Format): Printer {
    const format = this.options.format ?? (process.stdout.isTTY ? 'table' : elsewhere);
    const { NO_COLOR, TERM } = process.env;
    const hasColors = process.stdout.isTTY && !nonEmpty(NO_COLOR) && TERM !== 'dumb';
    return new Printer(process.stdout, { format, hasColors });
  }
}

function nonEmpty(text: string | undefined): string {
  return text ?? '';
}
