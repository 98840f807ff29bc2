import type {
  ListedSchedule,
  NewSchedule,
  RemovedSchedule,
  ScheduleDetails,
  SchedulePage,
} from './api.generated.js';
import type { Send } from './long-poll.js';
import { itemsOf } from './pages.js';
import type { CallOptions } from './transport.js';

/** Tasks that come by the clock. */
export class ScheduleCalls {
  constructor(private readonly send: Send) {}

  /** Makes a schedule, or replaces the one of this name. */
  async put(body: NewSchedule, { signal }: CallOptions = {}): Promise<ScheduleDetails> {
    return (await this.send({ method: 'POST', path: 'schedules', body, signal })) as ScheduleDetails;
  }

  /** @throws NotFound */
  async get(id: string, { signal }: CallOptions = {}): Promise<ScheduleDetails> {
    return (await this.send({ method: 'GET', path: pathOf(id), signal })) as ScheduleDetails;
  }

  /** Newest first, a page at a time. */
  list({ signal }: CallOptions = {}): AsyncGenerator<ListedSchedule, void> {
    const page = (cursor?: string): Promise<SchedulePage> =>
      this.send({ method: 'GET', path: 'schedules', query: { cursor }, signal }) as Promise<SchedulePage>;
    return itemsOf(page, ({ schedules }) => schedules);
  }

  /** Forgets a schedule; its tasks stay. @throws NotFound */
  async remove(id: string, { signal }: CallOptions = {}): Promise<RemovedSchedule> {
    const call = { method: 'DELETE', path: pathOf(id), signal, isRepeatable: false } as const;
    return (await this.send(call)) as RemovedSchedule;
  }
}

function pathOf(id: string): string {
  return `schedules/${encodeURIComponent(id)}`;
}
