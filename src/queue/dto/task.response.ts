import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { type AttemptOutcome } from '../../task/task.js';
import { TASK_STATES, type TaskState } from '../../task/task-state.js';
import {
  COUNT,
  INTEGER,
  INTEGER_OR_NULL,
  LABELS_OR_NULL,
  TEXT_OR_NULL,
  TIME,
  TIME_OR_NULL,
} from './field.docs.js';
import { ProgressDto } from './work.dto.js';

/** Answers about tasks. They exist for the OpenAPI document; `task.view.ts` writes them. */

const STATE = { enum: TASK_STATES, description: 'The state of the task' };
const POSITION = {
  ...INTEGER_OR_NULL,
  minimum: 1,
  description: 'Its place in the queue, 1 for the one that is claimed next; null unless it is queued',
};
const OUTCOMES = ['completed', 'failed', 'lost', 'released', 'cancelled'] as const;

/** A task and the state it is in. */
export class TaskStatus {
  @ApiProperty({ description: 'The name of the task' })
  readonly eval_id!: string;

  @ApiProperty(STATE)
  readonly status!: TaskState;
}

export class EnqueuedTask extends TaskStatus {
  @ApiProperty(POSITION)
  readonly position!: number | null;

  @ApiProperty({ description: 'The queue it is in' })
  readonly queue!: string;

  @ApiProperty({ ...INTEGER, description: 'Higher goes first' })
  readonly priority!: number;

  @ApiProperty({ ...TIME, description: 'When it was enqueued' })
  readonly queued_at!: string;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it may start; null unless it is delayed' })
  readonly run_at!: string | null;

  @ApiProperty({ description: 'Its state in words' })
  readonly message!: string;
}

/** Everything about a task but its payload. */
export class ListedTask extends EnqueuedTask {
  @ApiProperty({ description: 'The language of the code' })
  readonly language!: string;

  @ApiProperty({ description: 'What runs the code' })
  readonly engine!: string;

  @ApiProperty({ description: 'Seconds that one attempt may run' })
  readonly timeout!: number;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Whose it is' })
  readonly group!: string | null;

  @ApiProperty({ ...LABELS_OR_NULL, description: 'What a worker must offer to get it' })
  readonly requires!: Record<string, string> | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'What it belongs to' })
  readonly batch_id!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'What is told of its end, without the query of the address' })
  readonly callback_url!: string | null;

  @ApiProperty({ ...COUNT, description: 'The number of the latest attempt; 0 before the first' })
  readonly attempt!: number;

  @ApiProperty({ ...COUNT, description: 'Failures before it is a dead letter' })
  readonly max_attempts!: number;

  @ApiProperty({ ...COUNT, description: 'Failures so far' })
  readonly failures!: number;

  @ApiProperty({ ...COUNT, description: 'Lost leases that are forgiven' })
  readonly max_interruptions!: number;

  @ApiProperty({ ...COUNT, description: 'Lost leases so far' })
  readonly interruptions!: number;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it could last be claimed from' })
  readonly ready_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it expires if it has not started' })
  readonly expires_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When the latest attempt started' })
  readonly started_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it ended' })
  readonly finished_at!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Who holds it, or held it last' })
  readonly worker_id!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'Until when it is held without a further heartbeat' })
  readonly lease_expires_at!: string | null;

  @ApiProperty({ type: () => ProgressDto, nullable: true, description: 'What its worker said last' })
  readonly progress!: ProgressDto | null;

  @ApiProperty({
    type: String,
    enum: ['completed', 'failed', 'lost', 'cancelled', 'expired'],
    nullable: true,
    description: 'How it ended; lost: its workers were lost too often',
  })
  readonly outcome!: string | null;

  @ApiProperty({
    ...TEXT_OR_NULL,
    description: 'The error of the latest attempt; a list shows its beginning',
  })
  readonly error!: string | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'The exit code of the latest attempt' })
  readonly exit_code!: number | null;

  @ApiProperty({ ...COUNT, description: 'Counts up with every transition; events carry it too' })
  readonly sequence!: number;
}

export class TaskDetails extends ListedTask {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'As the producer sent it; absent when there is none, and for viewers',
  })
  readonly metadata?: object;
}

export class TaskPage {
  @ApiProperty({ type: [ListedTask], description: 'The newest first' })
  readonly tasks!: readonly ListedTask[];

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Send it as `cursor` for the next page; null on the last' })
  readonly next_cursor!: string | null;
}

export class TaskAttempt {
  @ApiProperty({ ...INTEGER, minimum: 1, description: 'Counts up with every claim' })
  readonly attempt!: number;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Who held it' })
  readonly worker_id!: string | null;

  @ApiProperty({ ...TIME, description: 'When it was claimed' })
  readonly started_at!: string;

  @ApiProperty({ ...TIME, description: 'When it ended' })
  readonly ended_at!: string;

  @ApiProperty({ enum: OUTCOMES, description: 'How it ended; lost: the worker was, or its machine' })
  readonly outcome!: AttemptOutcome;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'What went wrong, to the letter' })
  readonly error!: string | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'Exit code of what ran' })
  readonly exit_code!: number | null;
}

export class TaskAttempts {
  @ApiProperty({ description: 'The name of the task' })
  readonly eval_id!: string;

  @ApiProperty({ type: [TaskAttempt], description: 'Those that have ended, the oldest first' })
  readonly attempts!: readonly TaskAttempt[];
}

export class RemovedTask {
  @ApiProperty({ description: 'The name of the task' })
  readonly eval_id!: string;

  @ApiProperty({ enum: ['deleted'], description: 'It is gone' })
  readonly status!: 'deleted';
}

export class ClearedTasks {
  @ApiProperty({ enum: ['cleared'], description: 'They are gone' })
  readonly status!: 'cleared';

  @ApiProperty({ ...COUNT, description: 'How many there were' })
  readonly tasks_removed!: number;
}

export class RedrivenTasks {
  @ApiProperty({ enum: ['redriven'], description: 'They are back in their queues' })
  readonly status!: 'redriven';

  @ApiProperty({ ...COUNT, description: 'How many there were' })
  readonly tasks_redriven!: number;
}
