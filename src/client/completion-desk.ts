import type { HeldTask } from './answers.js';
import type { TaskStatus } from './api.generated.js';
import type { Client, Patient } from './client.js';
import type { JsonText } from './json-text.js';
import type { Milliseconds } from './steady-clock.js';

type Status = TaskStatus['status'];

interface Completion {
  readonly task: HeldTask;
  readonly output: JsonText | undefined;
  readonly limits: Patient;
}

interface Waiting extends Completion {
  readonly resolve: (status: Status | Promise<Status>) => void;
}

/** With this many requests under way, further completions wait to share one. */
const REQUESTS_AT_ONCE = 2;
/** A request that hangs delays others at most this long. */
const LONGEST_WAIT_MS: Milliseconds = 20;
const MOST_TOGETHER = 100;
/** Characters. A request holds 2 MiB, and a character takes up to three bytes. */
const MOST_OUTPUT = 400_000;

/**
 * Reports completions. Those that come while others are under way share a request, so a worker with many short tasks
 * sends a fraction of the requests. A completion that the shared request does not settle gets a request of its own,
 * with its own patience and error.
 */
export class CompletionDesk {
  private underWay = 0;
  private readonly waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly client: Pick<Client, 'complete' | 'finishAll'>) {}

  /** Resolves with the state of the task. @throws ClientError */
  complete(completion: Completion): Promise<Status> {
    const isLarge = sizeOf(completion) > MOST_OUTPUT;
    if (isLarge || this.underWay < REQUESTS_AT_ONCE) return this.alone(completion);
    return new Promise((resolve) => {
      this.waiting.push({ ...completion, resolve });
      this.timer ??= setTimeout(() => this.sendWaiting(), LONGEST_WAIT_MS);
    });
  }

  private async alone({ task, output, limits }: Completion): Promise<Status> {
    return this.counted(async () => (await this.client.complete(task, output, limits)).status);
  }

  private async counted<T>(send: () => Promise<T>): Promise<T> {
    this.underWay += 1;
    try {
      return await send();
    } finally {
      this.underWay -= 1;
      this.sendWaiting();
    }
  }

  private sendWaiting(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.waiting.length > 0) {
      const part = this.nextPart();
      const [only] = part;
      if (part.length === 1) only?.resolve(this.alone(only));
      else void this.together(part);
    }
  }

  private nextPart(): Waiting[] {
    let size = 0;
    const end = this.waiting.findIndex((each, index) => {
      size += sizeOf(each);
      return index === MOST_TOGETHER || (index > 0 && size > MOST_OUTPUT);
    });
    return this.waiting.splice(0, end === -1 ? this.waiting.length : end);
  }

  private async together(part: readonly Waiting[]): Promise<void> {
    const done = await this.counted(() => this.finish(part)).catch(() => new Set<Waiting>());
    for (const each of part) each.resolve(done.has(each) ? 'completed' : this.alone(each));
  }

  /** Returns those that the service has completed. */
  private async finish(part: readonly Waiting[]): Promise<ReadonlySet<Waiting>> {
    const results = part.map(({ task, output }) => {
      return { eval_id: task.eval_id, lease_id: task.lease_id, status: 'completed' as const, output };
    });
    // Sent once: those that it does not settle get requests of their own.
    const answer = await this.client.finishAll(results, undefined, { patience: 0 });
    return new Set(
      part.filter(({ task }, index) => {
        const item = answer.results.find((each) => each.index === index);
        return (
          item !== undefined &&
          'status' in item &&
          item.status === 'completed' &&
          item.eval_id === task.eval_id
        );
      }),
    );
  }
}

function sizeOf({ output }: Completion): number {
  return output?.text.length ?? 0;
}
