import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';

export interface Action {
  /** The action in the past tense, with the names of its targets. Never a payload. */
  readonly what: string;
  /** Number of changed items. */
  readonly count: number;
}

/** Logs dashboard actions with their key, one line per completed action. */
@Injectable()
export class AuditLog {
  private readonly logger = new Logger('Audit');

  write({ keyId }: Principal, { what, count }: Action): void {
    this.logger.log(`Key ${keyId} ${what} on the dashboard (${count})`);
  }
}
