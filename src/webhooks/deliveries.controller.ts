import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Roles } from '../auth/access.decorator.js';
import { Config } from '../config/config.js';
import { cursorAt, numberOf } from '../http/cursor.js';
import { ApiProblems, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { ProblemError } from '../http/problem.error.js';
import { QueryParams } from '../http/query.decorator.js';
import { DocumentStore } from '../storage/document-store.js';
import type { Delivery } from './delivery.js';
import { DeliveryBook } from './delivery-book.js';
import { deliveryView } from './delivery.view.js';
import { DELIVERIES, REDELIVERY } from './dto/deliveries.examples.js';
import { DeliveriesQuery } from './dto/deliveries.query.js';
import { Redelivery, WebhookDeliveryPage } from './dto/deliveries.response.js';
import { WebhookRequests } from './webhook-requests.js';

/** The id form, longer than any that the service issues. */
const DELIVERY_ID = /^[A-Za-z0-9_-]{1,220}$/;

@ApiTags('webhooks')
@Controller('webhooks/deliveries')
export class DeliveriesController {
  private readonly book: DeliveryBook;

  constructor(
    private readonly config: Config,
    private readonly box: WebhookRequests,
    documents: DocumentStore,
  ) {
    this.book = new DeliveryBook(documents);
  }

  @Get()
  @Roles('admin')
  @ApiOperation({
    operationId: 'listWebhookDeliveries',
    summary: 'List webhook deliveries, newest first',
    description:
      'Ended deliveries are kept for a while. A page can be short, even empty, while `next_cursor` is set.',
  })
  @ApiOkResponse({ type: WebhookDeliveryPage, description: 'A page of deliveries', examples: DELIVERIES })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'store_unavailable')
  async list(@QueryParams(DeliveriesQuery) query: DeliveriesQuery): Promise<WebhookDeliveryPage> {
    const before = numberOf('deliveries', query.cursor);
    const page = await this.book.page((delivery) => isWanted(query, delivery), {
      limit: query.limit,
      before,
    });
    const deliveries = page.deliveries.map((delivery) => deliveryView(delivery, this.config.WEBHOOK_URL));
    const next_cursor = page.next === undefined ? null : cursorAt('deliveries', page.next);
    return { deliveries, next_cursor };
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
    const kept = DELIVERY_ID.test(id) ? await this.book.find(id) : undefined;
    if (kept === undefined) {
      throw new ProblemError(
        'delivery_not_found',
        'There is no such delivery; ended ones are kept for a while only',
      );
    }
    await this.box.redeliver(id);
    return { delivery_id: id, status: 'pending' };
  }
}

function isWanted({ status, eval_id }: DeliveriesQuery, delivery: Delivery): boolean {
  if (status !== undefined && !status.includes(delivery.state)) return false;
  return eval_id === undefined || (JSON.parse(delivery.body) as { eval_id?: string }).eval_id === eval_id;
}
