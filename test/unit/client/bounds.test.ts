import { readFileSync } from 'node:fs';
import { BOUNDS } from '../../../src/client/bounds.js';

interface Bounds {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

const { components } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties: Readonly<Record<string, Bounds>> }>>;
  };
};

/** The bounds of the Python client, by the names that they have there. */
function inPython(name: string): number {
  const [, text = ''] =
    new RegExp(`^${name} = (-?[\\d_.]+)`, 'm').exec(
      ['report', 'running', 'worker']
        .map((file) => readFileSync(`clients/python/crucible_queue/${file}.py`, 'utf8'))
        .join('\n'),
    ) ?? [];
  return Number(text.replaceAll('_', ''));
}

it.each([
  ['Failure', 'retry_after', 'maximum', BOUNDS.longestDelay, 'LONGEST_RETRY_AFTER'],
  ['Release', 'delay', 'maximum', BOUNDS.longestDelay, 'LONGEST_RETRY_AFTER'],
  ['Release', 'reason', 'maxLength', BOUNDS.longestReason, undefined],
  ['Progress', 'message', 'maxLength', BOUNDS.longestMessage, 'LONGEST_MESSAGE'],
  ['Failure', 'exit_code', 'minimum', BOUNDS.smallestExitCode, 'SMALLEST_EXIT_CODE'],
  ['Failure', 'exit_code', 'maximum', BOUNDS.largestExitCode, 'LARGEST_EXIT_CODE'],
  ['Claim', 'max_tasks', 'maximum', BOUNDS.largestClaim, 'LARGEST_CLAIM'],
] as const)('both clients know the bounds of %s.%s (%s)', (schema, field, bound, known, name) => {
  const documented = components.schemas[schema]?.properties[field]?.[bound];
  expect(known).toBe(documented);
  if (name !== undefined) expect(inPython(name)).toBe(documented);
});

it('both clients check the form of a cause', () => {
  const documented = components.schemas.Failure?.properties.cause?.pattern;
  expect(BOUNDS.cause).toBe(documented);
  const python = readFileSync('clients/python/crucible_queue/report.py', 'utf8');
  expect(python).toContain(`CAUSE = re.compile(r"${documented?.slice(1, -1)}")`);
});
