const COMMA_LISTS = Symbol('comma-separated query parameters');

/** Parses the query parameter as a list: `queue=a,b` is `['a', 'b']`. Rejects empty elements. */
export function CommaList(): PropertyDecorator {
  return (prototype, property) => {
    const names = new Set([...commaLists(prototype), String(property)]);
    Reflect.defineMetadata(COMMA_LISTS, names, prototype);
  };
}

export function commaLists(prototype: object): ReadonlySet<string> {
  return (Reflect.getMetadata(COMMA_LISTS, prototype) as ReadonlySet<string> | undefined) ?? new Set();
}
