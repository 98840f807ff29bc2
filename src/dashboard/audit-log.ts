import { Injectable, Logger } from '@nestjs/common';
import type { Response } from 'express';
import type { Principal } from '../auth/principal.js';
import { sendTo } from './page-sender.js';
import { type NoticeName, withNotice } from './parts/notice.js';

export interface Action {
  /** The action in the past tense, with the names of its targets. Never a payload. */
  readonly what: string;
  /** Number of changed items; 1 by default. */
  readonly count?: number;
}

export interface FinishedAction extends Action {
  /** Path of the page that shows the result. */
  readonly address: string;
  readonly notice: NoticeName;
}

/** Logs dashboard actions with their key, one line per completed action. */
@Injectable()
export class AuditLog {
  private readonly logger = new Logger('Audit');

  write({ keyId }: Principal, { what, count = 1 }: Action): void {
    this.logger.log(`Key ${keyId} ${what} on the dashboard (${count})`);
  }

  /** Logs the action, then sends the browser to the page that shows its result and a notice. */
  finish(response: Response, principal: Principal, action: FinishedAction): void {
    this.write(principal, action);
    sendTo(response, withNotice(action.address, action.notice, action.count));
  }
}
