import { Module } from '@nestjs/common';
import { BatchCallbacks } from './batch-callbacks.js';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveriesService } from './deliveries.service.js';
import { WebhookRequests } from './webhook-requests.js';
import { WebhookCourier } from './webhook-courier.js';
import { Webhooks } from './webhooks.js';

/** Delivers webhooks. Needs `TaskStore`, `DocumentStore`, `BatchEvents` and `Config` from global modules. */
@Module({
  controllers: [DeliveriesController],
  providers: [
    DeliveriesService,
    WebhookCourier,
    WebhookRequests,
    BatchCallbacks,
    { provide: Webhooks, useExisting: WebhookRequests },
  ],
  exports: [Webhooks, DeliveriesService],
})
export class WebhooksModule {}
