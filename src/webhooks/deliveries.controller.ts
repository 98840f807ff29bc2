import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Roles } from '../auth/access.decorator.js';
import { ApiProblems, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { QueryParams } from '../http/query.decorator.js';
import { DeliveriesService } from './deliveries.service.js';
import { DELIVERIES, REDELIVERY } from './dto/deliveries.examples.js';
import { DeliveriesQuery } from './dto/deliveries.query.js';
import { Redelivery, WebhookDeliveryPage } from './dto/deliveries.response.js';

@ApiTags('webhooks')
@Controller('webhooks/deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  @Roles('admin')
  @ApiOperation({
    operationId: 'listWebhookDeliveries',
    summary: 'List webhook deliveries, newest first',
    description:
      'The service keeps ended deliveries for `RETENTION_SECONDS`, up to `WEBHOOK_MAX_ENDED`. A page can be short, even empty, while `next_cursor` is set.',
  })
  @ApiOkResponse({ type: WebhookDeliveryPage, description: 'A page of deliveries', examples: DELIVERIES })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'store_unavailable')
  async list(@QueryParams(DeliveriesQuery) query: DeliveriesQuery): Promise<WebhookDeliveryPage> {
    return this.deliveries.page(query);
  }

  @Post(':delivery_id/redeliver')
  @HttpCode(200)
  @Roles('admin')
  @ApiOperation({
    operationId: 'redeliverWebhook',
    summary: 'Redeliver a webhook',
    description: 'Sends the message again under the same `webhook-id`, starting with the first wait.',
  })
  @ApiParam({ name: 'delivery_id', description: 'The id of the delivery', schema: { type: 'string' } })
  @ApiOkResponse({ type: Redelivery, description: 'The delivery is retried', examples: REDELIVERY })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'delivery_not_found', 'store_unavailable')
  async redeliver(@Param('delivery_id') id: string): Promise<Redelivery> {
    await this.deliveries.redeliver(id);
    return { delivery_id: id, status: 'pending' };
  }
}
