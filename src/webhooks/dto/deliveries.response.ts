import { ApiProperty } from '@nestjs/swagger';
import { COUNT, INTEGER_OR_NULL, TEXT_OR_NULL, TIME, TIME_OR_NULL } from '../../queue/dto/field.docs.js';
import { DELIVERY_STATES } from '../delivery.js';

/** Answers about deliveries. They exist for the OpenAPI document; `delivery.view.ts` makes them. */

/** One message for one address. */
export class WebhookDelivery {
  @ApiProperty({ type: String, description: 'Names the delivery' })
  readonly delivery_id!: string;

  @ApiProperty({ type: String, description: 'The `webhook-id` that the receiver knows the message by' })
  readonly message_id!: string;

  @ApiProperty({
    enum: DELIVERY_STATES,
    description: '`parked` is given up: its time is over, or the answer was 410',
  })
  readonly status!: string;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The address without its query' })
  readonly url!: string | null;

  @ApiProperty({ ...COUNT, description: 'Attempts so far' })
  readonly attempts!: number;

  @ApiProperty({ ...TIME, description: 'When the event was taken in' })
  readonly created_at!: string;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it is tried next' })
  readonly next_attempt_at!: string | null;

  @ApiProperty({ ...TIME, description: 'When it is tried for the last time' })
  readonly gives_up_at!: string;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it was delivered or parked' })
  readonly ended_at!: string | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'The status that the receiver answered last' })
  readonly last_status!: number | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Why there was no answer' })
  readonly last_error!: string | null;

  @ApiProperty({ type: Object, description: 'What is sent' })
  readonly event!: object;
}

export class WebhookDeliveryPage {
  @ApiProperty({ type: [WebhookDelivery], description: 'The youngest first' })
  readonly deliveries!: readonly WebhookDelivery[];

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Goes on from here; null at the end' })
  readonly next_cursor!: string | null;
}

export class Redelivery {
  @ApiProperty({ type: String, description: 'The delivery that is made again' })
  readonly delivery_id!: string;

  @ApiProperty({ enum: ['pending'], description: 'It will be tried at once' })
  readonly status!: string;
}
