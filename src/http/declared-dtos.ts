import { type Constructor, compiledCheck } from './compiled-validator.js';
import { planOf } from './dto-plan.js';

const declared = new Set<Constructor>();

/** Notes a DTO that a route reads. */
export function declareDto(dto: Constructor): void {
  declared.add(dto);
}

/** The DTOs that routes read, and those within them. */
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
 * Makes sure that no request is checked by class-validator itself, at ten times the cost of the compiled check. Without
 * this a rule that cannot be compiled goes unnoticed.
 *
 * @throws Error that names the DTOs
 */
export function requireCompiledDtos(dtos: Iterable<Constructor> = declaredDtos()): void {
  const slow = [...dtos].filter((dto) => !compiledCheck(dto).isCompiled).map(({ name }) => name);
  if (slow.length === 0) return;
  const list = slow.join(', ');
  throw new Error(
    `The checks of ${list} cannot be compiled; give each rule of your own a predicate in its constraints`,
  );
}
