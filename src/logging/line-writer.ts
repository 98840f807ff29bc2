/** Writes text to the log output. */
export type Write = (text: string) => void;

/**
 * Writes the lines of one event loop turn together: a busy service logs thousands a second, and each write to a pipe or
 * a file blocks.
 */
export class LineWriter {
  private text = '';

  constructor(private readonly write: Write) {}

  add(line: string): void {
    if (this.text === '') setImmediate(() => this.flush());
    this.text += `${line}\n`;
  }

  /** Writes the buffered lines at once. */
  flush(): void {
    const { text } = this;
    this.text = '';
    if (text !== '') this.write(text);
  }
}
