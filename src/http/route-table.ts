/** The part of an Express route that this file reads. */
export interface Route {
  /** The template, such as `/tasks/:eval_id`. */
  readonly path: unknown;
  readonly methods: Readonly<Record<string, boolean | undefined>>;
  readonly stack: readonly { readonly handle: unknown }[];
}

/** The part of the Express router that this file reads. */
interface RouterLayer {
  readonly route?: Route;
  match(path: string): unknown;
}

export interface RouterLike {
  readonly stack: readonly RouterLayer[];
}

/** A matching route with its path parameters. */
export interface Match<Handler> {
  readonly route: Route;
  readonly handle: Handler;
  readonly params: Readonly<Record<string, string>>;
}

/** A route with this number of segments, or a layer that only Express can match. */
interface Entry {
  readonly layer: RouterLayer;
  readonly segments: readonly Segment[] | undefined;
  /** `undefined`: left to Express. */
  readonly handle: unknown;
}

type Segment = { readonly text: string } | { readonly parameter: string };

/** Paths without escapes and characters that URL parsers treat specially. */
const PLAIN_PATH = /^\/[A-Za-z0-9._:~/-]*$/;
const PLAIN_SEGMENT = /^[A-Za-z0-9._-]+$/;
const PARAMETER = /^:([A-Za-z_][A-Za-z0-9_]*)$/;
/** Express has special rules for HEAD and OPTIONS. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
/** Longer templates are left to Express. */
const MOST_SEGMENTS = 8;

/**
 * An index of the routes of an Express router: the first handler for a method and a path. Express tries the regular
 * expression of each layer; this index compares the few templates of the same length.
 *
 * It answers only for plain paths and routes with one final handler, where its result equals that of Express. Other
 * requests, such as those behind a middleware, are left to Express.
 */
export class RouteTable<Handler> {
  private readonly entries = new Map<string, Entry[]>();
  /** Indexed layers. Their number grows until the application is initialized. */
  private size = -1;

  /** @param first the first layer to index; earlier ones let every request through */
  constructor(
    private readonly router: () => RouterLike,
    private readonly first = 0,
  ) {}

  /** The route that Express would choose; `undefined` when Express must decide. */
  find(method: string, target: string): Match<Handler> | undefined {
    const question = target.indexOf('?');
    const path = question === -1 ? target : target.slice(0, question);
    if (!PLAIN_PATH.test(path)) return undefined;
    const segments = path.split('/');
    for (const entry of this.candidates(`${method} ${segments.length - 1}`)) {
      if (entry.segments === undefined) {
        if (isMatch(entry.layer, path)) return undefined;
        continue;
      }
      const params = paramsOf(entry.segments, segments);
      if (params === undefined) continue;
      const { route } = entry.layer;
      if (entry.handle === undefined || route === undefined) return undefined;
      return { route, handle: entry.handle as Handler, params };
    }
    return undefined;
  }

  private candidates(key: string): readonly Entry[] {
    const { stack } = this.router();
    if (stack.length !== this.size) this.index(stack);
    return this.entries.get(key) ?? [];
  }

  private index(stack: readonly RouterLayer[]): void {
    this.entries.clear();
    this.size = stack.length;
    for (const layer of stack.slice(this.first)) {
      for (const method of METHODS) this.add(layer, method);
    }
  }

  private add(layer: RouterLayer, method: (typeof METHODS)[number]): void {
    const { route } = layer;
    const isAsked =
      route === undefined || route.methods._all === true || route.methods[method.toLowerCase()] === true;
    if (!isAsked) return;
    const segments = segmentsOf(route?.path);
    const entry = { layer, segments, handle: route && onlyHandleOf(route) };
    // A template without a fixed number of segments can match any path.
    const lengths = segments === undefined ? ALL_LENGTHS : [segments.length];
    for (const length of lengths) {
      const key = `${method} ${length}`;
      const known = this.entries.get(key);
      if (known === undefined) this.entries.set(key, [entry]);
      else known.push(entry);
    }
  }
}

const ALL_LENGTHS = Array.from({ length: MOST_SEGMENTS + 1 }, (_, length) => length);

/** The only handler of a route for one method. A handler for all methods may be a middleware, so it does not count. */
function onlyHandleOf({ methods, stack }: Route): unknown {
  return Object.keys(methods).length === 1 && stack.length === 1 ? stack[0]?.handle : undefined;
}

/** The segments of a plain template; `undefined` for other templates. */
function segmentsOf(path: unknown): readonly Segment[] | undefined {
  if (typeof path !== 'string' || !path.startsWith('/')) return undefined;
  const segments: Segment[] = [];
  for (const text of path.slice(1).split('/')) {
    const parameter = PARAMETER.exec(text)?.[1];
    if (parameter !== undefined) segments.push({ parameter });
    else if (PLAIN_SEGMENT.test(text)) segments.push({ text });
    else return undefined;
  }
  return segments.length > MOST_SEGMENTS ? undefined : segments;
}

/** @param given the segments of the path, including the empty one before the first slash */
function paramsOf(
  segments: readonly Segment[],
  given: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const text = given[index + 1] ?? '';
    if ('text' in segment) {
      if (segment.text !== text) return undefined;
    } else if (text === '') return undefined;
    else params[segment.parameter] = text;
  }
  return params;
}

function isMatch(layer: RouterLayer, path: string): boolean {
  try {
    return layer.match(path) !== false;
  } catch {
    return true;
  }
}
