import { Module } from '@nestjs/common';
import { NoticeBox } from './notice-box.js';
import { Webhooks } from './webhooks.js';

/** Tells addresses outside what happened. Needs `DocumentStore` from a global module. */
@Module({
  providers: [{ provide: Webhooks, useClass: NoticeBox }],
  exports: [Webhooks],
})
export class WebhooksModule {}
