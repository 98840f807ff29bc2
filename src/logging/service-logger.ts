import { ConsoleLogger, type LoggerService, type LogLevel } from '@nestjs/common';
import type { Config } from '../config/config.js';
import { LineWriter, type Write } from './line-writer.js';

const LOG_LEVELS: Record<Config['LOG_LEVEL'], LogLevel[]> = {
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn', 'log'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
};

/** Contexts in which Nest logs its setup of modules and routes; of use to developers only. */
const CHATTY = ['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication'];

/** The log levels of Nest under the names of LOG_LEVEL. */
const SHOWN_LEVELS: Readonly<Partial<Record<LogLevel, string>>> = { log: 'info', verbose: 'debug' };

class ServiceLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (CHATTY.includes(String(rest.at(-1)))) super.debug(message, ...(rest as [string]));
    else super.log(message, ...(rest as [string]));
  }

  /** Drops the stack trace that Nest logs for a failed start; `main` logs the reason in one line. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) === 'ExceptionHandler') super.debug(message, ...(rest as [string]));
    else super.error(message, ...(rest as [string]));
  }
}

/** The fields that Nest adds to a message. */
interface JsonOptions {
  readonly context: string;
  readonly logLevel: LogLevel;
  readonly errorStack?: unknown;
  readonly params?: Record<string, unknown>;
  readonly error?: Error;
}

/** One JSON object per line. */
class JsonLogger extends ServiceLogger {
  private readonly lines: LineWriter;

  constructor(logLevels: LogLevel[], write: Write) {
    super({ json: true, colors: false, logLevels });
    this.lines = new LineWriter(write);
    process.on('exit', () => {
      this.lines.flush();
    });
  }

  protected override printAsJson(message: unknown, options: JsonOptions): void {
    const level = SHOWN_LEVELS[options.logLevel] ?? options.logLevel;
    const { pid, timestamp: at, stack, error } = this.getJsonLogObject(message, options);
    const timestamp = new Date(at).toISOString();
    const { context, params } = options;
    const line: Record<string, unknown> = { level, timestamp, pid, context, message, ...params };
    if (stack !== undefined) line.stack = stack;
    if (error !== undefined) line.error = error;
    this.lines.add(JSON.stringify(line));
  }

  protected override printStackTrace(): void {
    // The JSON line includes the stack trace.
  }
}

function formatOf({ LOG_FORMAT }: Config): 'json' | 'pretty' {
  if (LOG_FORMAT !== 'auto') return LOG_FORMAT;
  return process.stdout.isTTY ? 'pretty' : 'json';
}

/**
 * JSON lines, or colored ones for a terminal.
 *
 * @param write replaces the standard output for JSON lines
 */
export function createLogger(
  config: Config,
  write: Write = (text) => {
    process.stdout.write(text);
  },
): LoggerService {
  const logLevels = LOG_LEVELS[config.LOG_LEVEL];
  return formatOf(config) === 'json'
    ? new JsonLogger(logLevels, write)
    : new ServiceLogger({ colors: true, logLevels });
}
