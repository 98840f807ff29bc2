import { Param, type PipeTransform } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { SCHEDULE_ID } from './dto/schedule.dto.js';

/** Rejects a malformed schedule id without a lookup and without repeating it in the answer. */
class ScheduleIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!SCHEDULE_ID.test(id)) throw new ProblemError('schedule_not_found', 'There is no such schedule');
    return id;
  }
}

/** The `schedule_id` in the path. */
export function ScheduleId(): ParameterDecorator {
  return Param('schedule_id', new ScheduleIdPipe());
}
