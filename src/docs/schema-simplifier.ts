/** Members that contain data and stay unchanged. */
const DATA = new Set(['example', 'examples', 'default', 'enum']);

/** The document without the redundant wrappers that Swagger generates. */
export function simplify(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(simplify);
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(
    ([name, value]) => [name, DATA.has(name) ? value : simplify(value)] as const,
  );
  const { anyOf, allOf, ...rest } = Object.fromEntries(entries) as Record<string, unknown>;
  // Any value.
  if (isOnly(anyOf) && isEmpty(anyOf[0])) return rest;
  // OpenAPI 3.1 allows siblings of a reference.
  if (isOnly(allOf)) return { ...(allOf[0] as object), ...rest };
  return { ...rest, ...(anyOf !== undefined && { anyOf }), ...(allOf !== undefined && { allOf }) };
}

function isOnly(value: unknown): value is [unknown] {
  return Array.isArray(value) && value.length === 1;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
