/**
 * A read that many callers need at the same time. Each gets a result that was read after its call; those that call while
 * a read is running share the next one. So at most one runs at a time.
 */
export class NextRead<T> {
  private current: Promise<unknown> = Promise.resolve();
  private next: Promise<T> | undefined;

  constructor(private readonly read: () => Promise<T>) {}

  get(): Promise<T> {
    this.next ??= this.current.then(() => {
      this.next = undefined;
      const reading = this.read();
      this.current = reading.catch(() => undefined);
      return reading;
    });
    return this.next;
  }
}
