/** An argument is missing, or would widen the call to more than the caller named. */
export class InvalidArgument extends TypeError {}

/**
 * Joins path segments.
 *
 * @throws InvalidArgument for a segment that would change the path
 */
export function pathTo(...parts: readonly string[]): string {
  for (const part of parts)
    if (!isName(part) || part === '.' || part === '..')
      throw new InvalidArgument(`${JSON.stringify(part)} is not a valid name`);
  return parts.map((part) => encodeURIComponent(part)).join('/');
}

type Filter = Readonly<Record<string, unknown>>;

/** Filters of a removal. The service rejects others; older versions ignored them and removed everything. */
const REMOVAL_FILTERS: ReadonlySet<string> = new Set(['queue', 'status', 'cause']);

/**
 * The query of a removal. An empty filter is an error of the caller and must not widen the removal.
 *
 * @throws InvalidArgument
 */
export function removalQuery(filter: object): Readonly<Record<string, string | readonly string[]>> {
  const { all, ...given } = filter as Filter;
  const names = Object.keys(given);
  if ((all === true) === names.length > 0 || (all !== undefined && all !== true))
    throw new InvalidArgument('Give a filter, or { all: true } to remove every task of every queue');
  for (const name of names) {
    if (!REMOVAL_FILTERS.has(name))
      throw new InvalidArgument(`A removal cannot be limited by ${name}: it takes queue, status and cause`);
    const values = [given[name]].flat();
    if (values.length === 0 || !values.every(isName))
      throw new InvalidArgument(`The filter ${name} is empty; omit it to match any`);
  }
  return given as Readonly<Record<string, string | readonly string[]>>;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}
