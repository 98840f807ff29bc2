import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { documentPages, DocumentStore } from '../storage/document-store.js';
import type { Schedule, ScheduleRun } from './schedule.js';

const KIND = 'schedule';
const RUN = 'scheduleRun';

/** A document with its revision; revision 0 if it does not exist. */
export interface Revised<T> {
  readonly value: T | undefined;
  readonly revision: number;
}

export function newNonce(): string {
  return randomBytes(16).toString('base64url');
}

const NOTHING = { value: undefined, revision: 0 };

export interface SchedulePage {
  /** Newest first. */
  readonly schedules: readonly Schedule[];
  readonly next?: number;
}

/**
 * Stores schedules as documents. Their progress is stored separately, so that only an edit makes other processes
 * reload.
 */
@Injectable()
export class ScheduleStore {
  constructor(private readonly documents: DocumentStore) {}

  /** Changes with every edit. */
  version(): Promise<number> {
    return this.documents.version(KIND);
  }

  async find(id: string): Promise<Revised<Schedule>> {
    const document = await this.documents.get(KIND, id);
    if (document === undefined) return NOTHING;
    return { value: JSON.parse(document.text) as Schedule, revision: document.revision };
  }

  /** False if another process wrote first. */
  async put(schedule: Schedule, expected: number): Promise<boolean> {
    const text = JSON.stringify(schedule);
    return (await this.documents.put(KIND, { id: schedule.id, text, expected })) !== undefined;
  }

  /**
   * The nonce for the spare names of a schedule; an older schedule gets one now. `undefined` if the schedule was
   * deleted.
   */
  async nonceOf(id: string): Promise<string | undefined> {
    for (;;) {
      const { value, revision } = await this.find(id);
      if (value === undefined || value.nonce !== undefined) return value?.nonce;
      await this.put({ ...value, nonce: newNonce() }, revision);
    }
  }

  /** False if another process wrote first. */
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

  /** The revision of every schedule by its id. */
  async revisions(): Promise<ReadonlyMap<string, number>> {
    const revisions = new Map<string, number>();
    for await (const page of documentPages(this.documents, KIND))
      for (const { id, revision } of page) revisions.set(id, revision);
    return revisions;
  }

  async findRun(id: string): Promise<Revised<ScheduleRun>> {
    const document = await this.documents.get(RUN, id);
    if (document === undefined) return NOTHING;
    return { value: JSON.parse(document.text) as ScheduleRun, revision: document.revision };
  }

  /** Does nothing if another process wrote first. */
  async putRun(id: string, run: ScheduleRun, expected: number): Promise<void> {
    await this.documents.put(RUN, { id, text: JSON.stringify(run), expected });
  }
}
