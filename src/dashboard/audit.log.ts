import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';

export interface Action {
  /** What was done, in the past tense, with the names of what it was done to. Never a payload. */
  readonly what: string;
  /** To how many. */
  readonly count: number;
}

/** Logs who did what on the dashboard, one line for each action that was carried out. */
@Injectable()
export class AuditLog {
  private readonly logger = new Logger('Audit');

  write({ keyId }: Principal, { what, count }: Action): void {
    this.logger.log(`Key ${keyId} ${what} on the dashboard (${count})`);
  }
}
