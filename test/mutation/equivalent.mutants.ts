import type { Mutant } from './lua.mutants.js';

/** A change that no caller can see, and why. Told apart by its text, so that it moves with its script. */
interface EquivalentMutant extends Pick<Mutant, 'file' | 'before' | 'after'> {
  readonly reason: string;
}

export const EQUIVALENT_MUTANTS: readonly EquivalentMutant[] = [];

export function equivalenceOf(mutant: Mutant): string | undefined {
  return EQUIVALENT_MUTANTS.find(
    ({ file, before, after }) => file === mutant.file && before === mutant.before && after === mutant.after,
  )?.reason;
}
