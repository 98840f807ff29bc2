/** A JSON Schema check for the parts of it that our OpenAPI document uses; it knows nothing else and says so. */

type Members = Readonly<Record<string, unknown>>;
type Schema = object;
/** What is wrong with a value, as far as one keyword goes; `wanted` is what stands behind it. */
type Keyword = (wanted: never, value: never, context: Context) => boolean | string[];

interface Context {
  readonly document: object;
  readonly schema: Members;
  readonly place: string;
}

/** What is wrong with the value, each with its place; empty when it fits. Members that no schema names are wrong. */
export function schemaFaults(document: object, schema: Schema, value: unknown, place = '$'): string[] {
  const { $ref, ...rest } = schema as Members;
  const own = Object.entries(rest).flatMap(([keyword, wanted]) =>
    faultsOf({ document, schema: rest, place }, keyword, wanted, value),
  );
  if (typeof $ref !== 'string') return own;
  return [...own, ...schemaFaults(document, resolve(document, $ref), value, place)];
}

/** What a local reference points to. */
export function resolve(document: object, reference: string): Schema {
  let found: unknown = document;
  for (const name of reference.split('/').slice(1)) found = isObject(found) ? found[name] : undefined;
  if (!isObject(found)) throw new Error(`${reference} leads nowhere`);
  return found;
}

function faultsOf(context: Context, keyword: string, wanted: unknown, value: unknown): string[] {
  const { place } = context;
  if (ANNOTATIONS.includes(keyword) || keyword.startsWith('x-')) return [];
  const check = KEYWORDS[keyword];
  if (!check) throw new Error(`This check does not know ${keyword} at ${place}`);
  const found = check(wanted as never, value as never, context);
  if (Array.isArray(found)) return found;
  return found ? [] : [`${place} breaks ${keyword} ${JSON.stringify(wanted)}`];
}

const ANNOTATIONS = ['description', 'example', 'examples', 'default', 'title', 'contentMediaType'];

const KEYWORDS: Readonly<Record<string, Keyword>> = {
  type: (wanted: string | string[], value: unknown) => [wanted].flat().some((type) => isOfType(type, value)),
  enum: (wanted: unknown[], value: unknown) => wanted.includes(value),
  pattern: (wanted: string, value: unknown) => typeof value !== 'string' || new RegExp(wanted).test(value),
  format: (wanted: string, value: unknown) => wanted !== 'date-time' || value === null || isTime(value),
  minimum: (wanted: number, value: unknown) => typeof value !== 'number' || value >= wanted,
  maximum: (wanted: number, value: unknown) => typeof value !== 'number' || value <= wanted,
  maxLength: (wanted: number, value: unknown) => typeof value !== 'string' || value.length <= wanted,
  required: (wanted: string[], value: unknown, { place }) =>
    isObject(value) ? wanted.flatMap((name) => (name in value ? [] : [`${place} lacks ${name}`])) : [],
  items: (wanted: Schema, value: unknown, { document, place }) =>
    Array.isArray(value)
      ? value.flatMap((item, index) => schemaFaults(document, wanted, item, `${place}.${index}`))
      : [],
  properties: (wanted: Readonly<Record<string, Schema>>, value: unknown, context) =>
    isObject(value) ? memberFaults(wanted, value, context) : [],
  additionalProperties: (wanted: Schema | true, value: unknown, { document, schema, place }) =>
    isObject(value) && wanted !== true && schema.properties === undefined
      ? Object.entries(value).flatMap(([name, member]) =>
          schemaFaults(document, wanted, member, `${place}.${name}`),
        )
      : [],
  anyOf: (wanted: Schema[], value: unknown, context) => choiceFaults(wanted, value, context),
  oneOf: (wanted: Schema[], value: unknown, context) => choiceFaults(wanted, value, context),
};

function memberFaults(
  properties: Readonly<Record<string, Schema>>,
  value: Members,
  { document, schema, place }: Context,
): string[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const property = properties[name];
    if (property !== undefined) return schemaFaults(document, property, member, `${place}.${name}`);
    return schema.additionalProperties === undefined ? [`${place} has an unknown ${name}`] : [];
  });
}

/** Ours are all exclusive: exactly one must fit. */
function choiceFaults(choices: Schema[], value: unknown, { document, place }: Context): string[] {
  const faults = choices.map((choice) => schemaFaults(document, choice, value, place));
  const count = faults.filter((found) => found.length === 0).length;
  return count === 1 ? [] : [`${place} fits ${count} of ${choices.length} choices`, ...faults.flat()];
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && value.endsWith('Z') && !Number.isNaN(Date.parse(value));
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
