import type {
  ListedSchedule,
  NewSchedule,
  RemovedSchedule,
  ScheduleDetails,
  SchedulePage,
} from './api.generated.js';
import { objectWith } from './answers.js';
import type { Send } from './long-poll.js';
import { itemsOf, type Page } from './pages.js';
import { pathTo } from './paths.js';
import type { CallOptions } from './transport.js';

/** Calls on schedules, which enqueue tasks at set times. */
export class ScheduleCalls {
  constructor(private readonly send: Send) {}

  /** Creates a schedule or replaces the one with this name. */
  async put(body: NewSchedule, { signal }: CallOptions = {}): Promise<ScheduleDetails> {
    return this.send({ method: 'POST', path: 'schedules', body, signal }, readSchedule);
  }

  /** @throws NotFound */
  async get(id: string, { signal }: CallOptions = {}): Promise<ScheduleDetails> {
    return this.send({ method: 'GET', path: pathOf(id), signal }, readSchedule);
  }

  /** Newest first, a page at a time. */
  list({ signal }: CallOptions = {}): AsyncGenerator<ListedSchedule, void> {
    const read = objectWith<SchedulePage>({ schedules: 'array' });
    const page: Page<SchedulePage> = (cursor) =>
      this.send({ method: 'GET', path: 'schedules', query: { cursor }, signal }, read);
    return itemsOf(page, ({ schedules }) => schedules);
  }

  /** Removes a schedule; its tasks remain. @throws NotFound */
  async remove(id: string, { signal }: CallOptions = {}): Promise<RemovedSchedule> {
    const call = { method: 'DELETE', path: pathOf(id), signal, isRepeatable: false } as const;
    return this.send(call, objectWith<RemovedSchedule>({ schedule_id: 'string' }));
  }
}

const readSchedule = objectWith<ScheduleDetails>({ schedule_id: 'string' });

function pathOf(id: string): string {
  return pathTo('schedules', id);
}
