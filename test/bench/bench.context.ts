import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadClient } from './load.client.js';

/** One line of the report. */
export interface Figure {
  readonly section: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the project wants it to be, if it wants anything. */
  readonly wanted?: { readonly atLeast: number } | { readonly atMost: number };
}

/** What every section gets. */
export class BenchContext {
  readonly figures: Figure[] = [];
  private readonly directories: string[] = [];

  constructor(
    readonly load: LoadClient,
    readonly options: {
      /** Where data directories are made; it should be on the disk that is meant. */
      readonly directory: string;
      /** Clients that each have one request under way. */
      readonly connections: number;
      /** Multiplies the numbers of requests and tasks; below 1 for a quick look. */
      readonly scale: number;
      /** The main.js of another build of the service, which is measured beside this one. */
      readonly baseline?: string;
    },
  ) {}

  scaled(count: number): number {
    return Math.max(Math.round(count * this.options.scale), 1);
  }

  report(figure: Figure): void {
    this.figures.push(figure);
    this.say(`${figure.section}: ${figure.name} = ${figure.value.toPrecision(4)} ${figure.unit}`);
  }

  /** Progress, apart from the report. */
  say(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  freshDirectory(): string {
    const directory = mkdtempSync(join(this.options.directory, 'crucible-bench-'));
    this.directories.push(directory);
    return directory;
  }

  removeDirectories(): void {
    for (const directory of this.directories) rmSync(directory, { recursive: true, force: true });
  }
}

export type Section = (context: BenchContext) => Promise<void>;
