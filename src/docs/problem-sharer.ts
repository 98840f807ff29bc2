import type { OperationObject, ResponseObject } from '@nestjs/swagger';
import { PROBLEM_TYPE } from '../http/problem-writer.js';

/**
 * Replaces repeated problem responses with references to shared ones.
 * Returns the shared responses by name.
 */
export function shareProblems(operations: readonly OperationObject[]): Record<string, ResponseObject> {
  const shared: Record<string, ResponseObject> = {};
  for (const { responses } of operations) {
    for (const [status, response] of Object.entries(responses)) {
      const name = response && 'content' in response ? nameOf(response) : undefined;
      if (name === undefined) continue;
      shared[name] ??= response as ResponseObject;
      responses[status] = { $ref: `#/components/responses/${name}` };
    }
  }
  return Object.fromEntries(Object.entries(shared).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The name of a response, from its codes: `not_claimed` and `task_ended` give `NotClaimedOrTaskEnded`. */
function nameOf({ content }: ResponseObject): string | undefined {
  const examples = content?.[PROBLEM_TYPE]?.examples;
  if (!examples) return undefined;
  const names = Object.keys(examples).map((code) =>
    code.replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
  );
  return names.join('Or');
}
