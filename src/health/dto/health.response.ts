import { ApiProperty } from '@nestjs/swagger';

/** Responses to health checks, for the OpenAPI document. */

const COUNT_OR_NULL = { type: 'integer', minimum: 0, nullable: true } as const;

export class HealthAnswer {
  @ApiProperty({ enum: ['healthy', 'unhealthy'], description: 'unhealthy: the store cannot accept writes' })
  readonly status!: 'healthy' | 'unhealthy';

  @ApiProperty({ enum: ['queue'], description: 'The name of the service' })
  readonly service!: 'queue';

  @ApiProperty({ ...COUNT_OR_NULL, description: 'Ready tasks; null when unhealthy' })
  readonly queue_size!: number | null;

  @ApiProperty({ ...COUNT_OR_NULL, description: 'Tasks in all states; null when unhealthy' })
  readonly total_tasks!: number | null;

  @ApiProperty({
    enum: ['connected', 'disconnected'],
    description:
      'Whether events are published and, with tasks in Redis, transitions of other processes arrive; not part of `status`',
  })
  readonly redis!: 'connected' | 'disconnected';

  @ApiProperty({ description: 'The version of the service' })
  readonly version!: string;

  @ApiProperty({ minimum: 0, description: 'Seconds since the start of the process' })
  readonly uptime!: number;
}

export class LiveAnswer {
  @ApiProperty({ enum: ['alive'], description: 'The process answers' })
  readonly status!: 'alive';
}

export class ReadyAnswer {
  @ApiProperty({ enum: ['ready', 'not ready'], description: 'Check readiness' })
  readonly status!: 'ready' | 'not ready';
}
