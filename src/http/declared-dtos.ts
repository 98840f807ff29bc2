import { type Constructor, compiledCheck } from './compiled-validator.js';
import { planOf } from './dto-plan.js';

const declared = new Set<Constructor>();

/** Registers a DTO that a route reads. */
export function declareDto(dto: Constructor): void {
  declared.add(dto);
}

/** The DTOs that routes read, including nested ones. */
export function declaredDtos(): ReadonlySet<Constructor> {
  const all = new Set<Constructor>();
  const add = (dto: Constructor): void => {
    if (all.has(dto)) return;
    all.add(dto);
    for (const { nested } of planOf(dto).fields) if (nested !== undefined) add(nested);
  };
  for (const dto of declared) add(dto);
  return all;
}

/**
 * Requires a compiled check for every request, as class-validator takes ten times as long.
 *
 * @throws Error that names the DTOs without one
 */
export function requireCompiledDtos(dtos: Iterable<Constructor> = declaredDtos()): void {
  const slow = [...dtos].filter((dto) => !compiledCheck(dto).isCompiled).map(({ name }) => name);
  if (slow.length === 0) return;
  const list = slow.join(', ');
  throw new Error(
    `The checks of ${list} cannot be compiled; add a predicate to the constraints of each custom rule`,
  );
}
