import { steadyNow } from '../client/steady-clock.js';

const WIDTH = 24;
const EVERY_MS = 100;

export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Shows progress on a terminal; prints nothing elsewhere. */
export class ProgressBar {
  private done = 0;
  private drawnAt = -Infinity;

  /** @param total absent when unknown */
  constructor(
    private readonly terminal: Terminal,
    private readonly label: string,
    private readonly total?: number,
  ) {}

  add(count: number): void {
    this.done += count;
    if (steadyNow() - this.drawnAt < EVERY_MS) return;
    this.drawnAt = steadyNow();
    this.draw();
  }

  /** Leaves the finished line on the screen. */
  end(): void {
    if (this.done === 0) return;
    this.draw();
    if (this.terminal.isTTY) this.terminal.write('\n');
  }

  private draw(): void {
    if (!this.terminal.isTTY) return;
    this.terminal.write(`\r\u001b[2K${this.label} ${this.bar()}${this.done}${this.ofTotal()}`);
  }

  private bar(): string {
    if (this.total === undefined) return '';
    const full = Math.round((WIDTH * Math.min(this.done, this.total)) / Math.max(1, this.total));
    return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] `;
  }

  private ofTotal(): string {
    return this.total === undefined ? '' : `/${this.total}`;
  }
}
