/** Few enough for a recovering store, many enough to get through a large waiting room quickly. */
const AT_ONCE = 16;

/** Visits many names in order, a few at a time. */
export class RollCall<Name> {
  private names: Iterator<Name> = new Set<Name>().values();
  private callers = 0;

  /** @param visit must not reject */
  constructor(private readonly visit: (name: Name) => Promise<void>) {}

  /** Restarts with these names, read now. Names of the previous call without a visit are dropped. */
  begin(names: Iterable<Name>): void {
    this.names = [...names].values();
    for (let free = AT_ONCE - this.callers; free > 0; free -= 1) void this.visitNext();
  }

  private async visitNext(): Promise<void> {
    this.callers += 1;
    for (let next = this.names.next(); next.done !== true; next = this.names.next())
      await this.visit(next.value);
    this.callers -= 1;
  }
}
