/** Limits the label values: workers choose the causes, and a monitoring system supports a limited number of series. */
const MAX_CAUSES = 50;

/** Workers can report it too; it then means the same. */
const OTHER_CAUSES = 'other';

/** The metric label of each cause: its name for the first 50 causes, and one common label for the others. */
export class CauseLabels {
  private readonly known = new Set<string>();

  of(cause: string): string {
    if (this.known.has(cause)) return cause;
    if (this.known.size >= MAX_CAUSES) return OTHER_CAUSES;
    this.known.add(cause);
    return cause;
  }
}
