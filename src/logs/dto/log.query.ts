import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { LEASE_ID } from '../../queue/dto/limits.js';
import { IsWait } from '../../queue/dto/shared-fields.js';

/** The largest chunk of one append, in bytes. */
export const LOG_CHUNK_BYTES = 1_048_576;
/** Offsets stay exact as numbers. */
const MOST_OFFSET = Number.MAX_SAFE_INTEGER;

/** `POST /tasks/{eval_id}/log`. */
export class AppendLogQuery {
  @ApiPropertyOptional({
    description:
      'The bytes that this attempt sent before these. Without it, the service appends them to the end of the log',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MOST_OFFSET)
  readonly offset?: number;

  @ApiPropertyOptional({ description: 'The lease, if it is not in `X-Lease-Id`' })
  @IsOptional()
  @IsString()
  @Matches(LEASE_ID)
  readonly lease_id?: string;
}

/** `GET /tasks/{eval_id}/log`. */
export class ReadLogQuery {
  @ApiPropertyOptional({ description: 'The attempt; by default the latest one' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000_000)
  readonly attempt?: number;

  @ApiPropertyOptional({
    description: 'The first byte to read, counted from the first byte that the attempt sent',
    default: 0,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MOST_OFFSET)
  readonly offset: number = 0;

  @ApiPropertyOptional({ description: 'Bytes to read; all by default' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MOST_OFFSET)
  readonly limit?: number;

  @IsWait('a byte at the offset, or for the end of the attempt')
  readonly wait: number = 0;

  @ApiPropertyOptional({
    description:
      'For event streams, like the header `Last-Event-ID`, for clients that cannot set it. The header wins',
    example: '1:4096',
  })
  @IsOptional()
  @IsString()
  @Matches(/^[0-9]{1,9}:[0-9]{1,15}$/, { message: 'last_event_id must be the id of an event' })
  readonly last_event_id?: string;
}
