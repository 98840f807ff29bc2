import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { Clock } from '../../../src/task/clock.js';
import type { Moment } from '../../../src/task/clock.js';

/** Stands still until it is moved. */
export class FakeClock extends Clock {
  private milliseconds = Date.parse('2030-01-01T00:00:00Z');

  now(): Moment {
    return { wall: this.milliseconds, steady: this.milliseconds };
  }

  advance(milliseconds: number): void {
    this.milliseconds += milliseconds;
  }
}

/** Takes the place of the log of Nest and keeps the lines. */
export class KeptLog {
  readonly lines: string[] = [];
  private readonly waiting: { readonly text: string; readonly found: () => void }[] = [];

  constructor() {
    Logger.overrideLogger(this);
  }

  log(message: unknown): void {
    this.keep('log', message);
  }

  warn(message: unknown): void {
    this.keep('warn', message);
  }

  error(message: unknown): void {
    this.keep('error', message);
  }

  /** Lines of one level. */
  of(level: 'log' | 'warn' | 'error'): readonly string[] {
    return this.lines.filter((line) => line.startsWith(`${level}: `));
  }

  /** Resolves with the next line that holds the text. */
  next(text: string): Promise<void> {
    return new Promise((found) => this.waiting.push({ text, found }));
  }

  private keep(level: string, message: unknown): void {
    this.lines.push(`${level}: ${String(message)}`);
    this.waiting.filter(({ text }) => String(message).includes(text)).forEach(({ found }) => found());
  }
}

/** A directory that `remove` takes away with all that is in it. */
export class TemporaryDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'crucible-auth-'));

  file(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string): string {
    writeFileSync(this.file(name), text);
    return this.file(name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

export function sha256(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

export interface KeyOptions {
  readonly id?: string;
  readonly roles?: readonly string[];
  readonly queues?: readonly string[];
  readonly not_before?: string | null;
  readonly expires?: string | null;
}

/** The text of a file of keys: what is not said is as in the example of the contract. */
export function keysText(keys: Readonly<Record<string, KeyOptions>>): string {
  const entries = Object.entries(keys).map(([key, options]) => ({
    id: `id-of-${key}`,
    sha256: sha256(key),
    roles: ['worker'],
    queues: ['*'],
    not_before: null,
    expires: null,
    ...options,
  }));
  return JSON.stringify({ keys: entries });
}
