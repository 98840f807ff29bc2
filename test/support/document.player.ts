import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ConsoleStep } from './document.blocks.js';

const run = promisify(execFile);
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** Where the documents say the service is. */
export const DOCUMENTED = /localhost:8081/g;

/**
 * Runs the commands of a document against a service and says what they printed. What differs from one run to the next
 * (instants, leases) is printed as in the document, and put in place of it in the commands that follow.
 */
export class DocumentPlayer {
  /** From what the document says to what it is in this run. */
  private readonly values = new Map<string, string>();

  constructor(private readonly port: number) {}

  /** What the command printed, in the words of the document wherever only a value of the run is different. */
  async play({ command, output }: ConsoleStep): Promise<string> {
    let script = command.replaceAll(DOCUMENTED, `localhost:${this.port}`);
    for (const [documented, real] of this.values) script = script.replaceAll(documented, real);
    const env = { ...process.env, QUEUE_URL: `http://127.0.0.1:${this.port}` };
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], { env, timeout: 20_000 });
    return this.inWordsOf(output, stdout);
  }

  private inWordsOf(documented: string, real: string): string {
    const [told, said] = [parsed(documented), parsed(real)];
    if (told === undefined || said === undefined) return real;
    const ending = documented.endsWith('\n') ? '\n' : '';
    return (
      JSON.stringify(said, (name, value: unknown) => this.documentedValue(told[name], name, value)) + ending
    );
  }

  private documentedValue(documented: unknown, name: string, value: unknown): unknown {
    if (typeof documented !== 'string' || typeof value !== 'string') return value;
    const isOfThisRun = name === 'lease_id' || (INSTANT.test(documented) && INSTANT.test(value));
    if (!isOfThisRun) return value;
    this.values.set(documented, value);
    return documented;
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
