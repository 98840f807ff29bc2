import { Param, type PipeTransform } from '@nestjs/common';
import { TaskNotFound } from '../task/task.errors.js';
import { EVAL_ID } from './dto/limits.js';

/** Rejects a malformed task id without a lookup and without repeating it in the answer. */
class EvalIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!EVAL_ID.test(id)) throw new TaskNotFound();
    return id;
  }
}

/** The `eval_id` in the path. */
export function EvalId(): ParameterDecorator {
  return Param('eval_id', new EvalIdPipe());
}
