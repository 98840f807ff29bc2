import { Param, type PipeTransform } from '@nestjs/common';
import { TaskNotFound } from '../task/task.errors.js';
import { EVAL_ID } from './dto/limits.js';

/** What no task can be called is not looked up, and not repeated in an answer. */
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
