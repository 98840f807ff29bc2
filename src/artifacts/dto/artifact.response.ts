import { ApiProperty } from '@nestjs/swagger';
import { COUNT, INTEGER, TIME } from '../../queue/dto/field-docs.js';

/** A stored artifact. */
export class StoredArtifact {
  @ApiProperty({ description: 'The name, in Unicode normalization form C', example: 'report.html' })
  readonly name: string = '';

  @ApiProperty({ description: 'Bytes', ...COUNT, example: 5 })
  readonly size: number = 0;

  @ApiProperty({
    description: 'The SHA-256 of the bytes, in hexadecimal digits',
    pattern: '^[0-9a-f]{64}$',
  })
  readonly sha256: string = '';

  @ApiProperty({ description: 'The `Content-Type` of the upload', example: 'text/html' })
  readonly content_type: string = '';

  @ApiProperty({ description: 'The attempt that sent it', ...INTEGER, minimum: 1, example: 1 })
  readonly attempt: number = 0;

  @ApiProperty({ description: 'When the upload was stored', ...TIME })
  readonly created_at: string = '';
}

/** The artifacts of a task. */
export class TaskArtifacts {
  @ApiProperty({ description: 'The id of the task', example: 'eval-1' })
  readonly eval_id: string = '';

  @ApiProperty({ description: 'The artifacts, by name', type: [StoredArtifact] })
  readonly artifacts: readonly StoredArtifact[] = [];
}
