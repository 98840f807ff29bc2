import type { FieldProblem } from '../http/problem.error.js';
import type { RawJson } from '../http/raw-json.js';
import { inOrder, type Labels } from '../task/requirements.js';
import { LIMITS, REQUIRED_LABEL, REQUIRED_VALUE } from './dto/limits.js';

interface Wanted {
  /** A JSON pointer into the body. */
  readonly pointer: string;
  readonly most: number;
}

/** Reads labels in canonical order; adds faults to `problems`. */
export function readLabels(
  raw: RawJson | undefined,
  { pointer, most }: Wanted,
  problems: FieldProblem[],
): Labels | undefined {
  if (raw === undefined) return undefined;
  const entries = Object.entries(JSON.parse(raw.text) as Record<string, unknown>);
  if (entries.length > most)
    problems.push({ pointer, detail: `${pointer.slice(1)} has at most ${most} labels` });
  const isGood = entries.every(
    ([label, value]) => REQUIRED_LABEL.test(label) && typeof value === 'string' && REQUIRED_VALUE.test(value),
  );
  if (!isGood) problems.push({ pointer, detail: LIMITS.labelsMessage });
  if (entries.length === 0 || problems.length > 0) return undefined;
  return inOrder(Object.fromEntries(entries) as Labels);
}
