import { ApiProperty } from '@nestjs/swagger';
import { COUNT, INTEGER_OR_NULL, TEXT_OR_NULL, TIME, TIME_OR_NULL } from '../../queue/dto/field-docs.js';
import { DELIVERY_STATES } from '../delivery.js';

/** Responses about deliveries, for the OpenAPI document; `delivery.view.ts` makes them. */

export class WebhookDelivery {
  @ApiProperty({ type: String, description: 'The id of the delivery' })
  readonly delivery_id!: string;

  @ApiProperty({ type: String, description: 'The `webhook-id` of the message' })
  readonly message_id!: string;

  @ApiProperty({
    enum: DELIVERY_STATES,
    description: 'parked: the service no longer retries it, after WEBHOOK_RETRY_SECONDS or a 410',
  })
  readonly status!: string;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The URL without its query' })
  readonly url!: string | null;

  @ApiProperty({ ...COUNT, description: 'Attempts so far' })
  readonly attempts!: number;

  @ApiProperty({ ...TIME, description: 'When the event was recorded' })
  readonly created_at!: string;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When the next attempt is due' })
  readonly next_attempt_at!: string | null;

  @ApiProperty({ ...TIME, description: 'When the service gives up' })
  readonly gives_up_at!: string;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it was delivered or parked' })
  readonly ended_at!: string | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'The last status of the receiver' })
  readonly last_status!: number | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Why the last attempt got no answer' })
  readonly last_error!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The beginning of the last answer, up to 1024 bytes' })
  readonly last_answer!: string | null;

  @ApiProperty({ type: Object, description: 'The event' })
  readonly event!: object;
}

export class WebhookDeliveryPage {
  @ApiProperty({ type: [WebhookDelivery], description: 'The newest first' })
  readonly deliveries!: readonly WebhookDelivery[];

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The `cursor` of the next page; null on the last' })
  readonly next_cursor!: string | null;
}

export class Redelivery {
  @ApiProperty({ type: String, description: 'The id of the delivery' })
  readonly delivery_id!: string;

  @ApiProperty({ enum: ['pending'], description: 'The delivery is due at once' })
  readonly status!: string;
}
