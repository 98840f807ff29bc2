import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Matches } from 'class-validator';
import { EVAL_ID, LIMITS } from '../../queue/dto/limits.js';
import { DELIVERY_STATES, type DeliveryState } from '../delivery.js';
import { IsCursor, IsListOf, IsPageSize } from '../../queue/dto/shared-fields.js';

/** `GET /webhooks/deliveries`. */
export class DeliveriesQuery {
  @IsListOf(DELIVERY_STATES, 'Only deliveries in these states, separated by commas')
  readonly status?: DeliveryState[];

  @ApiPropertyOptional({ description: 'Only deliveries of this task' })
  @IsOptional()
  @IsString()
  @Matches(EVAL_ID)
  readonly eval_id?: string;

  @IsPageSize('Deliveries per page at most; a page can be shorter', LIMITS.pageSize)
  readonly limit: number = 100;

  @IsCursor()
  readonly cursor?: string;
}
