import { type ValidationError, validateSync } from 'class-validator';
import { type Constructor, VALIDATOR_OPTIONS } from './compiled-validator.js';
import { type DtoPlan, type FieldPlan, type OpaquePlan, planOf } from './dto-plan.js';
import { HttpLimits } from './http-limits.js';
import type { Envelope, OpaqueMember } from './json-scanner.js';
import { type FieldProblem, ProblemError } from './problem.error.js';
import { RawJson } from './raw-json.js';

/** The maximum number of faults that one response lists. */
const MAX_FIELD_PROBLEMS = 20;
const USUAL_LIMITS = new HttpLimits();

type Plain = Readonly<Record<string, unknown>>;

/**
 * Creates the DTO of an envelope from its declared fields. Absent fields get their defaults, `null` makes an optional
 * field absent, and no value is converted. Throws a 422 problem that names every invalid field.
 */
export function readDto<T extends object>(plan: DtoPlan<T>, envelope: Envelope, limits: HttpLimits): T {
  const problems = strayMembers(plan, envelope);
  const instance = fill(plan, envelope.value, { prefix: '/', problems });
  for (const field of plan.opaque) {
    const member = envelope.opaque.get(field.name);
    const problem = opaqueProblem(field, member, limits);
    if (problem) problems.push({ pointer: `/${field.name}`, detail: `${field.name} ${problem}` });
    else if (member && !isAbsent(field, member)) setField(instance, field.name, new RawJson(member.text));
  }
  return checked(plan, instance, problems);
}

/** Creates the DTO from parsed values, such as those of a query. */
export function readValues<T extends object>(
  plan: DtoPlan<T>,
  values: Plain,
  known: readonly FieldProblem[] = [],
): T {
  const problems = [...known];
  return checked(plan, fill(plan, values, { prefix: '', problems }), problems, '');
}

/** A 422 problem with the invalid fields. */
export function invalidRequest(problems: readonly FieldProblem[]): ProblemError {
  const first = problems[0]?.detail ?? 'A field or parameter has a bad value';
  const others = problems.length - 1;
  const more = others < MAX_FIELD_PROBLEMS ? `${others} more` : 'many more';
  const detail = others > 0 ? `${first} (and ${more})` : first;
  return new ProblemError('invalid_request', detail, { errors: problems.slice(0, MAX_FIELD_PROBLEMS) });
}

/** The members that a strict DTO rejects. */
function strayMembers<T extends object>(
  plan: DtoPlan<T>,
  { value, opaque, count }: Envelope,
): FieldProblem[] {
  const { strictness, fieldsByName } = plan;
  if (strictness === undefined) return [];
  if (count > Object.keys(value).length + opaque.size)
    return [{ pointer: '', detail: 'A member is given more than once; nothing was changed' }];
  return Object.keys(value).flatMap((name) => {
    if (!fieldsByName.has(name)) return [unknownField(name, '/')];
    if (value[name] !== null || strictness.mayBeNull?.includes(name) === true) return [];
    return [{ pointer: `/${name}`, detail: `${name} must not be null; omit it instead` }];
  });
}

const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** The name comes from the client, so it is repeated only if it is harmless. */
export function unknownField(name: string, root: '' | '/'): FieldProblem {
  const kind = root === '' ? 'query parameter' : 'member';
  return PLAIN_NAME.test(name)
    ? { pointer: `${root}${name}`, detail: `${name} is not a ${kind} of this request; nothing was changed` }
    : { pointer: root, detail: `The request has an unknown ${kind}; nothing was changed` };
}

interface FieldLocation {
  readonly prefix: string;
  readonly problems: FieldProblem[];
}

function fill<T extends object>(plan: DtoPlan<T>, plain: Plain, location: FieldLocation): T {
  const instance = new plan.dto();
  for (const field of plan.fields) {
    const value = plain[field.name];
    if (value === undefined || (value === null && field.isOptional)) continue;
    const problem = shapeProblem(field, value);
    if (problem !== undefined) report(location, field.name, problem);
    else
      setField(
        instance,
        field.name,
        field.nested ? fillNested(field.nested, field, { value, location }) : value,
      );
  }
  return instance;
}

/** Faults that class-validator would miss or check slowly. */
function shapeProblem(field: FieldPlan, value: unknown): string | undefined {
  if (Array.isArray(value)) {
    if (!field.isArray) return 'must not be a list';
    if (value.length > field.maxItems) return `must have at most ${field.maxItems} elements`;
  }
  if (typeof value === 'string' && value.length > field.maxUnits) {
    return `must have at most ${field.maxUnits / 3} characters`;
  }
  return undefined;
}

interface Nested {
  readonly value: unknown;
  readonly location: FieldLocation;
}

/** Turns every object into an instance of its DTO: class-validator must never meet an undeclared object. */
function fillNested(dto: Constructor, field: FieldPlan, { value, location }: Nested): unknown {
  const plan = planOf(dto);
  const prefix = `${location.prefix}${field.name}/`;
  if (isPlain(value)) return fillOpaque(plan, value, { ...location, prefix });
  if (!Array.isArray(value)) {
    report(location, field.name, 'must be an object');
    return undefined;
  }
  return value.map((element: unknown, index) =>
    isPlain(element)
      ? fillOpaque(plan, element, { ...location, prefix: `${prefix}${index}/` })
      : report({ ...location, prefix }, String(index), 'must be an object'),
  );
}

/** Opaque members of a nested object were parsed with it: they are small, and JSON round-trips their type. */
function fillOpaque(plan: DtoPlan<object>, value: Plain, location: FieldLocation): object {
  const instance = fill(plan, value, location);
  for (const field of plan.opaque) {
    const given = value[field.name];
    const member = given === undefined ? undefined : { text: JSON.stringify(given), value: given };
    const problem = opaqueProblem(field, member, USUAL_LIMITS);
    if (problem !== undefined) report(location, field.name, problem);
    else if (member && !isAbsent(field, member)) setField(instance, field.name, new RawJson(member.text));
  }
  return instance;
}

function report(location: FieldLocation, name: string, problem: string): undefined {
  location.problems.push({ pointer: `${location.prefix}${name}`, detail: `${name} ${problem}` });
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function setField(instance: object, name: string, value: unknown): void {
  (instance as Record<string, unknown>)[name] = value;
}

function opaqueProblem(
  field: OpaquePlan,
  member: OpaqueMember | undefined,
  limits: HttpLimits,
): string | undefined {
  if (!member || isAbsent(field, member)) {
    if (field.isOptional) return undefined;
    return member ? 'must not be null' : 'is required';
  }
  const { text, value } = member;
  if (field.type === 'string' && typeof value !== 'string') return 'must be a string';
  if (field.type === 'object' && !isPlain(value)) return 'must be an object';
  const maxBytes = typeof field.maxBytes === 'number' ? field.maxBytes : limits[field.maxBytes];
  const bytes = Buffer.byteLength(field.type === 'string' && typeof value === 'string' ? value : text);
  return bytes > maxBytes ? `must have at most ${maxBytes} bytes` : undefined;
}

function isAbsent(field: OpaquePlan, member: OpaqueMember): boolean {
  return member.value === null && field.isNullValue !== true;
}

/** Only invalid input pays for messages; the compiled check accepts the rest. */
function checked<T extends object>(
  plan: DtoPlan<T>,
  instance: T,
  problems: readonly FieldProblem[],
  root = '/',
): T {
  if (problems.length === 0 && plan.accepts(instance)) return instance;
  const all = [...problems];
  const seen = new Set(problems.map(({ pointer }) => pointer));
  if (plan.fields.length > 0) {
    for (const problem of messagesFor(instance, root)) if (!seen.has(problem.pointer)) all.push(problem);
  }
  if (all.length === 0) return instance;
  throw invalidRequest(all);
}

function messagesFor(instance: object, root: string): FieldProblem[] {
  const found: FieldProblem[] = [];
  collect(validateSync(instance, VALIDATOR_OPTIONS), root, found);
  return found;
}

function collect(errors: readonly ValidationError[], prefix: string, found: FieldProblem[]): void {
  for (const error of errors) {
    if (found.length > MAX_FIELD_PROBLEMS) return;
    const pointer = `${prefix}${error.property}`;
    const value: unknown = error.value;
    if (error.constraints) {
      const detail =
        value === undefined ? `${error.property} is required` : Object.values(error.constraints).join('; ');
      found.push({ pointer, detail });
    }
    collect(error.children ?? [], `${pointer}/`, found);
  }
}
