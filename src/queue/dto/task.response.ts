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
} from './field-docs.js';
import { ProgressDto } from './work.dto.js';

/** Responses about tasks, for the OpenAPI document; `task.view.ts` writes them. */

const STATE = { enum: TASK_STATES, description: 'The state of the task' };
const POSITION = {
  ...INTEGER_OR_NULL,
  minimum: 1,
  description: 'Its position in the queue, 1 for the next task; null unless queued',
};
const OUTCOMES = ['completed', 'failed', 'lost', 'released', 'cancelled', 'deadline'] as const;

/** A task and its state. */
export class TaskStatus {
  @ApiProperty({ description: 'The id of the task' })
  readonly eval_id!: string;

  @ApiProperty(STATE)
  readonly status!: TaskState;
}

export class EnqueuedTask extends TaskStatus {
  @ApiProperty(POSITION)
  readonly position!: number | null;

  @ApiProperty({ description: 'The queue of the task' })
  readonly queue!: string;

  @ApiProperty({ ...INTEGER, description: 'Higher goes first' })
  readonly priority!: number;

  @ApiProperty({ ...TIME, description: 'When it was enqueued' })
  readonly queued_at!: string;

  @ApiProperty({ ...TIME_OR_NULL, description: 'Its start; null unless delayed' })
  readonly run_at!: string | null;

  @ApiProperty({ description: 'The state in words' })
  readonly message!: string;
}

/** All fields of a task except its payload. */
export class ListedTask extends EnqueuedTask {
  @ApiProperty({ description: 'The language of the code' })
  readonly language!: string;

  @ApiProperty({ description: 'The engine that runs the code' })
  readonly engine!: string;

  @ApiProperty({ description: 'Seconds that one attempt can run' })
  readonly timeout!: number;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The group of the task' })
  readonly group!: string | null;

  @ApiProperty({ ...LABELS_OR_NULL, description: 'Labels that a worker must offer' })
  readonly requires!: Record<string, string> | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The batch of the task' })
  readonly batch_id!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The webhook URL for its end, without its query' })
  readonly callback_url!: string | null;

  @ApiProperty({ ...COUNT, description: 'The number of the latest attempt; 0 before the first' })
  readonly attempt!: number;

  @ApiProperty({ ...COUNT, description: 'Failures until the task is a dead letter' })
  readonly max_attempts!: number;

  @ApiProperty({ ...COUNT, description: 'Failures so far' })
  readonly failures!: number;

  @ApiProperty({ ...COUNT, description: 'Lost leases that return the task to the queue' })
  readonly max_interruptions!: number;

  @ApiProperty({ ...COUNT, description: 'Lost leases so far' })
  readonly interruptions!: number;

  @ApiProperty({ ...COUNT, description: 'Lost leases during outages, which do not count' })
  readonly interruptions_spared!: number;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it last became ready' })
  readonly ready_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'Latest start' })
  readonly expires_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When all attempts must be over' })
  readonly deadline_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When the latest attempt started' })
  readonly started_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it ended' })
  readonly finished_at!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The worker that holds it or held it last' })
  readonly worker_id!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'The end of the lease without another heartbeat' })
  readonly lease_expires_at!: string | null;

  @ApiProperty({
    type: () => ProgressDto,
    nullable: true,
    description: 'The last progress that the worker reported',
  })
  readonly progress!: ProgressDto | null;

  @ApiProperty({
    type: String,
    enum: ['completed', 'failed', 'lost', 'deadline', 'cancelled', 'expired'],
    nullable: true,
    description: 'How it ended; lost: no interruptions left; deadline: its deadline passed while it ran',
  })
  readonly outcome!: string | null;

  @ApiProperty({
    ...TEXT_OR_NULL,
    description: 'The error of the latest attempt; lists have its beginning',
  })
  readonly error!: string | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'The exit code of the latest attempt' })
  readonly exit_code!: number | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The cause that the worker gave for the latest attempt' })
  readonly cause!: string | null;

  @ApiProperty({
    ...INTEGER_OR_NULL,
    description: 'The attempt that saved the checkpoint which the next claim gets; null without one',
  })
  readonly checkpoint_attempt!: number | null;

  @ApiProperty({ ...COUNT, description: 'Counts up with each transition, also in events' })
  readonly sequence!: number;
}

export class TaskDetails extends ListedTask {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'The producer’s metadata; absent when there is none, and for viewers',
  })
  readonly metadata?: object;
}

export class TaskPage {
  @ApiProperty({ type: [ListedTask], description: 'The newest first' })
  readonly tasks!: readonly ListedTask[];

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The `cursor` of the next page; null on the last' })
  readonly next_cursor!: string | null;
}

export class TaskAttempt {
  @ApiProperty({ ...INTEGER, minimum: 1, description: 'The number of the attempt' })
  readonly attempt!: number;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The worker that held it' })
  readonly worker_id!: string | null;

  @ApiProperty({ ...TIME, description: 'When it was claimed' })
  readonly started_at!: string;

  @ApiProperty({ ...TIME, description: 'When it ended' })
  readonly ended_at!: string;

  @ApiProperty({ enum: OUTCOMES, description: 'How it ended; lost: the worker or its machine was lost' })
  readonly outcome!: AttemptOutcome;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The error message, unchanged' })
  readonly error!: string | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'Exit code of the program' })
  readonly exit_code!: number | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The cause that the worker gave' })
  readonly cause!: string | null;

  @ApiProperty({
    type: () => ProgressDto,
    nullable: true,
    description: 'The last progress that the worker reported',
  })
  readonly progress!: ProgressDto | null;

  @ApiProperty({ description: 'Whether an outage interrupted it, so that it spent no budget' })
  readonly is_spared!: boolean;
}

export class TaskAttempts {
  @ApiProperty({ description: 'The id of the task' })
  readonly eval_id!: string;

  @ApiProperty({ type: [TaskAttempt], description: 'The ended attempts, oldest first' })
  readonly attempts!: readonly TaskAttempt[];
}

export class RemovedTask {
  @ApiProperty({ description: 'The id of the task' })
  readonly eval_id!: string;

  @ApiProperty({ enum: ['deleted'], description: 'The task is deleted' })
  readonly status!: 'deleted';
}

export class ClearedTasks {
  @ApiProperty({ enum: ['cleared'], description: 'The tasks are removed' })
  readonly status!: 'cleared';

  @ApiProperty({ ...COUNT, description: 'The number of tasks' })
  readonly tasks_removed!: number;
}

export class RedrivenTasks {
  @ApiProperty({ enum: ['redriven'], description: 'The tasks are queued again' })
  readonly status!: 'redriven';

  @ApiProperty({ ...COUNT, description: 'The number of tasks' })
  readonly tasks_redriven!: number;
}
