import type { Ms } from '../support/history.js';
import { Wire } from './http.wire.js';

/** Nobody enqueues here. */
const QUEUE = 'quiet';
const WAIT_SECONDS = 15;

/** A poll of an empty queue, parked before a fault: how and when it is answered shows whether anybody thought of it. */
export class ParkedPoll {
  answer: { readonly status: number | undefined; readonly at: Ms } | undefined;
  private readonly wire = new Wire();

  constructor(readonly port: number) {
    const body = { worker_id: 'parked', max_tasks: 1, wait: WAIT_SECONDS, queues: [QUEUE] };
    void this.wire.send({ port, method: 'POST', path: '/tasks/claim', body }).then(({ status }) => {
      this.answer = { status, at: performance.now() };
    });
  }

  /** What is wrong with its status. */
  get complaint(): string | undefined {
    const status = this.answer?.status;
    const isRight = this.answer === undefined || status === 503;
    return isRight ? undefined : `a parked poll was answered ${status ?? 'nothing'}`;
  }

  /** What is wrong with its time, given when the store went away. */
  delay(since: Ms, limit: Ms): string | undefined {
    if (this.answer === undefined) return 'a parked poll was not answered';
    const took = this.answer.at - since;
    return took > limit ? `a parked poll was answered after ${Math.round(took)} ms` : undefined;
  }

  close(): void {
    this.wire.close();
  }
}
