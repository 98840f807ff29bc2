import { Module } from '@nestjs/common';
import { BatchCallbacks } from './batch-callbacks.js';
import { DeliveriesController } from './deliveries.controller.js';
import { NoticeBox } from './notice-box.js';
import { WebhookCourier } from './webhook-courier.js';
import { Webhooks } from './webhooks.js';

/** Delivers webhooks. Needs `TaskStore`, `DocumentStore`, `BatchEvents` and `Config` from global modules. */
@Module({
  controllers: [DeliveriesController],
  providers: [WebhookCourier, NoticeBox, BatchCallbacks, { provide: Webhooks, useExisting: NoticeBox }],
  exports: [Webhooks],
})
export class WebhooksModule {}
