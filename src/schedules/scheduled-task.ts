import { planOf } from '../http/dto-plan.js';
import { invalidRequest } from '../http/dto-reader.js';
import { parseDto } from '../http/body-reader.js';
import type { HttpLimits } from '../http/http-limits.js';
import { ProblemError } from '../http/problem.error.js';
import { CreateTaskDto } from '../queue/dto/create-task.dto.js';
import type { TaskDraft } from '../queue/queue.service.js';
import { draftOf } from '../queue/task-draft.js';

/** The members that the schedule sets for each task. */
const NOT_IN_A_TEMPLATE = ['eval_id', 'run_at', 'expires_at'] as const;

/**
 * The task of a template, with this name.
 *
 * @throws ProblemError `invalid_request` with pointers that begin with `/task`
 */
export function taskOf(templateText: string, id: string, limits: HttpLimits): TaskDraft {
  try {
    requireTemplate(templateText);
    const rest = templateText.trim().slice(1).trimStart();
    const document = `{"eval_id":${JSON.stringify(id)}${rest === '}' ? '' : ','}${rest}`;
    return draftOf(parseDto(document, planOf(CreateTaskDto), limits));
  } catch (error) {
    throw error instanceof ProblemError ? within('/task', error) : error;
  }
}

function requireTemplate(text: string): void {
  const template = JSON.parse(text) as object;
  const problems = NOT_IN_A_TEMPLATE.filter((name) => Object.hasOwn(template, name)).map((name) => ({
    pointer: `/${name}`,
    detail: `${name} must be omitted: the schedule sets it for each task`,
  }));
  if (problems.length > 0) throw invalidRequest(problems);
}

function within(prefix: string, { code, detail, extras }: ProblemError): ProblemError {
  const errors = extras.errors?.map((error) => ({ ...error, pointer: `${prefix}${error.pointer}` }));
  return new ProblemError(code, detail, { ...extras, errors });
}
