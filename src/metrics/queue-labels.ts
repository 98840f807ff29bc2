import { Injectable } from '@nestjs/common';

/** Limits the label values: clients choose queue names, and a monitoring system supports a limited number of series. */
const MAX_QUEUES = 200;

/** Not a valid queue name. */
const OTHER_QUEUES = '(other)';

/** The metric label of each queue: its name for the first 200 queues, and one common label for the others. */
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
