import { invalidRequest } from '../http/dto-reader.js';
import { parseMoment } from '../http/moment.js';
import type { FieldProblem } from '../http/problem.error.js';
import type { Instant } from '../task/clock.js';
import { DEFAULT_BACKOFF, type Backoff } from '../task/retry-policy.js';
import type { TaskSpec } from '../task/task.js';
import type { BackoffDto, CreateTaskDto } from './dto/create-task.dto.js';
import { LIMITS } from './dto/limits.js';
import { readLabels } from './labels-reader.js';
import { payloadOf } from './payload.js';
import type { TaskDraft } from './queue.service.js';

/** https://www.w3.org/TR/trace-context/#traceparent-header, version 00. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Request data of a task besides its body. */
export interface Context {
  readonly traceparent?: string;
  readonly batchId?: string;
}

/**
 * The task of an enqueue request.
 *
 * @throws ProblemError `invalid_request` when two fields contradict each other
 */
export function draftOf(dto: CreateTaskDto, context: Context = {}): TaskDraft {
  const problems = contradictions(dto);
  const requires = readLabels(dto.requires, { pointer: '/requires', most: LIMITS.requires }, problems);
  if (problems.length > 0) throw invalidRequest(problems);
  const { traceparent } = context;
  const spec: TaskSpec = {
    id: dto.eval_id,
    queue: dto.queue,
    priority: dto.priority,
    language: dto.language,
    engine: dto.engine,
    timeout: dto.timeout,
    maxAttempts: dto.max_attempts,
    maxInterruptions: dto.max_interruptions,
    backoff: backoffOf(dto.backoff),
    ...present({
      delay: dto.delay,
      runAt: instantOf(dto.run_at),
      ttl: dto.ttl,
      expiresAt: instantOf(dto.expires_at),
      deadline: dto.deadline,
      deadlineAt: instantOf(dto.deadline_at),
      callbackUrl: addressOf(dto.callback_url),
      group: dto.group,
      requires,
      batchId: dto.batch_id ?? context.batchId,
      hasMetadata: dto.metadata === undefined ? undefined : true,
      traceparent: traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : undefined,
    }),
  };
  return { spec, payload: payloadOf(dto.code.text, dto.metadata?.text) };
}

/** A time can be given as a distance or as an instant, not as both. */
const EXCLUSIVE = [
  ['delay', 'run_at'],
  ['ttl', 'expires_at'],
  ['deadline', 'deadline_at'],
] as const;

function contradictions(dto: CreateTaskDto): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const [one, other] of EXCLUSIVE) {
    if (dto[one] === undefined || dto[other] === undefined) continue;
    problems.push({
      pointer: `/${other}`,
      detail: `${one} and ${other} exclude each other; send one of them`,
    });
  }
  const { backoff } = dto;
  if (backoff !== undefined && backoff.delay > backoff.max_delay) {
    problems.push({
      pointer: '/backoff/max_delay',
      detail: 'backoff.max_delay must not be below backoff.delay',
    });
  }
  return problems;
}

function backoffOf(dto: BackoffDto | undefined): Backoff {
  if (dto === undefined) return DEFAULT_BACKOFF;
  return { type: dto.type, delay: dto.delay, maxDelay: dto.max_delay, jitter: dto.jitter };
}

function instantOf(text: string | undefined): Instant | undefined {
  return text === undefined ? undefined : parseMoment(text);
}

/** The URL in its normal form: ASCII without spaces. */
function addressOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : new URL(text).href;
}

/** The object without its undefined members, to keep records small. */
function present<T extends object>(members: T): Partial<T> {
  const kept: Partial<T> = {};
  for (const name of Object.keys(members) as (keyof T)[]) {
    if (members[name] !== undefined) kept[name] = members[name];
  }
  return kept;
}
