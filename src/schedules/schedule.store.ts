import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DocumentStore } from '../storage/document-store.js';
import type { Schedule, ScheduleRun } from './schedule.js';

const KIND = 'schedule';
const RUN = 'scheduleRun';

/** What was read, and at which revision; 0 when there was nothing. */
export interface Revised<T> {
  readonly value: T | undefined;
  readonly revision: number;
}

export function newNonce(): string {
  return randomBytes(16).toString('base64url');
}

const NOTHING = { value: undefined, revision: 0 };

export interface SchedulePage {
  /** The youngest first. */
  readonly schedules: readonly Schedule[];
  readonly next?: number;
}

/** Schedules as documents. How far they have come is kept apart, so that only an edit makes every process look again. */
@Injectable()
export class ScheduleStore {
  constructor(private readonly documents: DocumentStore) {}

  /** Another number after every edit. */
  version(): Promise<number> {
    return this.documents.version(KIND);
  }

  async find(id: string): Promise<Revised<Schedule>> {
    const document = await this.documents.get(KIND, id);
    if (document === undefined) return NOTHING;
    return { value: JSON.parse(document.text) as Schedule, revision: document.revision };
  }

  /** False when somebody else wrote first. */
  async put(schedule: Schedule, expected: number): Promise<boolean> {
    const text = JSON.stringify(schedule);
    return (await this.documents.put(KIND, { id: schedule.id, text, expected })) !== undefined;
  }

  /** What the spare names of a schedule follow from; an older schedule gets it now. `undefined` when it is gone. */
  async nonceOf(id: string): Promise<string | undefined> {
    for (;;) {
      const { value, revision } = await this.find(id);
      if (value === undefined || value.nonce !== undefined) return value?.nonce;
      await this.put({ ...value, nonce: newNonce() }, revision);
    }
  }

  /** False when somebody else wrote first. */
  async remove(id: string, revision: number): Promise<boolean> {
    if (!(await this.documents.remove(KIND, id, revision))) return false;
    const run = await this.documents.get(RUN, id);
    if (run !== undefined) await this.documents.remove(RUN, id, run.revision);
    return true;
  }

  async list(limit: number, before?: number): Promise<SchedulePage> {
    const { documents, next } = await this.documents.list(KIND, { limit, before });
    return { schedules: documents.map(({ text }) => JSON.parse(text) as Schedule), next };
  }

  async findRun(id: string): Promise<Revised<ScheduleRun>> {
    const document = await this.documents.get(RUN, id);
    if (document === undefined) return NOTHING;
    return { value: JSON.parse(document.text) as ScheduleRun, revision: document.revision };
  }

  /** Nothing happens when another process was quicker. */
  async putRun(id: string, run: ScheduleRun, expected: number): Promise<void> {
    await this.documents.put(RUN, { id, text: JSON.stringify(run), expected });
  }
}
