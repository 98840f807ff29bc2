import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { invalidRequest } from '../http/dto-reader.js';
import { isPrivateAddress } from '../config/public-address.js';

/** Rejects URLs that can never receive webhooks. */
@Injectable()
export class CallbackRule {
  constructor(private readonly config: Config) {}

  /** @throws ProblemError `invalid_request` */
  require(address: string | undefined, pointer = '/callback_url'): void {
    if (address === undefined || this.config.WEBHOOK_ALLOW_PRIVATE || !isPrivateAddress(address)) return;
    throw invalidRequest([
      {
        pointer,
        detail: 'callback_url must be a public address; WEBHOOK_ALLOW_PRIVATE=true allows private ones',
      },
    ]);
  }
}
