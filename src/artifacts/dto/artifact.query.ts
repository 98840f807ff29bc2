import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Matches } from 'class-validator';
import { LEASE_ID } from '../../queue/dto/limits.js';

export class UploadQuery {
  @ApiPropertyOptional({ description: 'The lease of the attempt, when it is not in `X-Lease-Id`' })
  @IsOptional()
  @IsString()
  @Matches(LEASE_ID)
  readonly lease_id?: string;
}
