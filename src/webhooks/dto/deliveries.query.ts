import { ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { CURSOR } from '../../http/cursor.js';
import { CommaList } from '../../http/comma-list.decorator.js';
import { COMMA_LIST } from '../../queue/dto/field-docs.js';
import { EVAL_ID, LIMITS } from '../../queue/dto/limits.js';
import { DELIVERY_STATES, type DeliveryState } from '../delivery.js';

/** `GET /webhooks/deliveries`. */
export class DeliveriesQuery {
  @ApiPropertyOptional({
    ...COMMA_LIST,
    description: 'Only deliveries in these states, separated by commas',
  })
  @IsOptional()
  @CommaList()
  @IsArray()
  @ArrayMaxSize(DELIVERY_STATES.length)
  @IsIn(DELIVERY_STATES, { each: true })
  readonly status?: DeliveryState[];

  @ApiPropertyOptional({ description: 'Only deliveries of this task' })
  @IsOptional()
  @IsString()
  @Matches(EVAL_ID)
  readonly eval_id?: string;

  @ApiPropertyOptional({
    description: 'Deliveries per page at most; a page can be shorter',
    default: 100,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMITS.pageSize)
  readonly limit: number = 100;

  @ApiPropertyOptional({ description: 'The `next_cursor` of the previous page' })
  @IsOptional()
  @IsString()
  @Matches(CURSOR)
  readonly cursor?: string;
}
