import { Injectable } from '@nestjs/common';

/** Clients name queues as they like; a series each is what a monitoring system can bear only so many of. */
const MAX_QUEUES = 200;

/** No queue can have this name. */
export const OTHER_QUEUES = '(other)';

/** What queues are called in metrics: by their names, the first 200 of them, and all further ones together. */
@Injectable()
export class QueueLabels {
  private readonly known = new Set<string>();

  of(queue: string): string {
    if (this.known.has(queue)) return queue;
    if (this.known.size >= MAX_QUEUES) return OTHER_QUEUES;
    this.known.add(queue);
    return queue;
  }
}
