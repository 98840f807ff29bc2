/** So few that a store which has just come back hardly feels them; so many that a large room is soon through. */
const AT_ONCE = 16;

/** Goes through many, in the order they came, a few at a time. */
export class RollCall<Name> {
  private names: Iterator<Name> = new Set<Name>().values();
  private callers = 0;

  /** @param visit must not reject */
  constructor(private readonly visit: (name: Name) => Promise<void>) {}

  /** Starts over with these, which are read now. Whoever had no turn yet in the call before has none any more. */
  begin(names: Iterable<Name>): void {
    this.names = [...names].values();
    for (let free = AT_ONCE - this.callers; free > 0; free -= 1) void this.goOn();
  }

  private async goOn(): Promise<void> {
    this.callers += 1;
    for (let next = this.names.next(); next.done !== true; next = this.names.next())
      await this.visit(next.value);
    this.callers -= 1;
  }
}
