/** Writes a text to where the log goes. */
export type Write = (text: string) => void;

/**
 * Writes the lines of one turn of the event loop at once: a busy service logs thousands in a second, and each write
 * to a pipe or a file holds it up.
 */
export class LineWriter {
  private text = '';

  constructor(private readonly write: Write) {}

  add(line: string): void {
    if (this.text === '') setImmediate(() => this.flush());
    this.text += `${line}\n`;
  }

  /** Writes at once what has been added. */
  flush(): void {
    const { text } = this;
    this.text = '';
    if (text !== '') this.write(text);
  }
}
