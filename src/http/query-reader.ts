import { invalidRequest, readValues, unknownField } from './dto-reader.js';
import { type DtoPlan, type FieldPlan } from './dto-plan.js';
import { type FieldProblem, ProblemError } from './problem.error.js';

const MAX_PARAMETERS = 100;
/** Rejected: the client expects another method than the one that would run. */
const METHOD_OVERRIDE = '_method';
const PLAIN_DECIMAL = /^-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?$/;
// Built from a string, because eslint rejects control characters in a regex literal.
const CONTROL_CHARACTERS = new RegExp('[\\u0000-\\u001f\\u007f]');

/** Reads the query of a request target as the DTO. Only strict DTOs reject undeclared parameters. */
export function readQuery<T extends object>(plan: DtoPlan<T>, target: string): T {
  const start = target.indexOf('?');
  if (start === -1) return readValues(plan, {});
  const given = new GivenParameters(plan.fieldsByName, plan.strictness !== undefined);
  for (const [name, value] of parametersOf(target.slice(start + 1))) given.add(name, value);
  return readValues(plan, given.values, given.problems);
}

/** @throws ProblemError `invalid_request` when the target has any parameter */
export function requireNoParameters(target: string): void {
  const start = target.indexOf('?');
  if (start === -1) return;
  const parameters = parametersOf(target.slice(start + 1));
  if (parameters.length > 0) throw invalidRequest(parameters.map(([name]) => unknownField(name, '')));
}

/** The parameters in order, decoded. */
function parametersOf(query: string): [name: string, value: string][] {
  const parts = query.split('&', MAX_PARAMETERS + 1);
  if (parts.length > MAX_PARAMETERS) {
    throw new ProblemError('malformed_request', `The query must have at most ${MAX_PARAMETERS} parameters`);
  }
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      return equals === -1
        ? [decode(part), '']
        : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new ProblemError('malformed_request', 'The query has a percent escape that is not valid UTF-8');
  }
}

/** Collects the declared parameters, each once, with their declared types. */
class GivenParameters {
  readonly values: Record<string, unknown> = {};
  readonly problems: FieldProblem[] = [];
  private readonly seen = new Set<string>();

  constructor(
    private readonly fields: ReadonlyMap<string, FieldPlan>,
    private readonly isStrict: boolean,
  ) {}

  add(given: string, text: string): void {
    const bracket = given.indexOf('[');
    const name = bracket === -1 ? given : given.slice(0, bracket);
    if (name === METHOD_OVERRIDE)
      throw new ProblemError(
        'malformed_request',
        'Send the request with the method itself; the service has no parameter that overrides it',
      );
    const field = this.fields.get(name);
    if (!field) {
      if (this.isStrict) this.problems.push(unknownField(given, ''));
      return;
    }
    const problem = this.problemOf(field, { text, hasBracket: bracket !== -1 });
    if (problem !== undefined) this.problems.push({ pointer: name, detail: `${name} ${problem}` });
    else this.values[name] = read(field, text);
  }

  private problemOf(field: FieldPlan, { text, hasBracket }: { text: string; hasBracket: boolean }) {
    const isRepeated = this.seen.has(field.name);
    this.seen.add(field.name);
    if (hasBracket) return 'must not have brackets';
    if (isRepeated) return 'must be given once';
    return textProblem(field, text);
  }
}

function textProblem(field: FieldPlan, text: string): string | undefined {
  if (text === '') return 'must not be empty';
  if (CONTROL_CHARACTERS.test(text)) return 'must not have control characters';
  if (field.isCommaList) return text.split(',').includes('') ? 'must not have empty elements' : undefined;
  switch (field.kind) {
    case 'number':
      return PLAIN_DECIMAL.test(text) ? undefined : 'must be a number in plain decimal notation';
    case 'boolean':
      return text === 'true' || text === 'false' ? undefined : 'must be true or false';
    case 'string':
      return undefined;
  }
}

function read(field: FieldPlan, text: string): unknown {
  if (field.isCommaList) return text.split(',');
  switch (field.kind) {
    case 'number':
      return Number(text);
    case 'boolean':
      return text === 'true';
    case 'string':
      return text;
  }
}
