import type { PipeTransform } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { QUEUE_NAME } from './dto/limits.js';

/** Rejects a malformed queue name without a lookup and without repeating it in the answer. */
export class QueueNamePipe implements PipeTransform<string, string> {
  transform(name: string): string {
    if (!QUEUE_NAME.test(name)) throw new ProblemError('not_found', 'Not a valid queue name');
    return name;
  }
}
