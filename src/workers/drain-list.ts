import { Injectable } from '@nestjs/common';
import { allDocuments, DocumentStore } from '../storage/document-store.js';
import type { Instant } from '../task/clock.js';

const KIND = 'drain';

export interface Drain {
  readonly since: Instant;
  /** Why the service drained the worker itself. An operator's drain has none. */
  readonly reason?: string;
}

/** The draining workers, as this process knows them; the stored list is shared. */
@Injectable()
export class DrainList {
  private drains = new Map<string, Drain>();
  private version: number | undefined;
  private readonly callbacks = new Map<string, Set<() => void>>();

  constructor(private readonly documents: DocumentStore) {}

  has(workerId: string): boolean {
    return this.drains.has(workerId);
  }

  /** The drain of a quarantined worker. */
  quarantineOf(workerId: string): (Drain & { readonly reason: string }) | undefined {
    const { since, reason } = this.drains.get(workerId) ?? {};
    return since === undefined || reason === undefined ? undefined : { since, reason };
  }

  countQuarantined(): number {
    return [...this.drains.values()].filter(({ reason }) => reason !== undefined).length;
  }

  /** The draining workers. */
  entries(): IterableIterator<[workerId: string, Drain]> {
    return this.drains.entries();
  }

  onDrain(workerId: string, callback: () => void): () => void {
    const callbacks = this.callbacks.get(workerId) ?? new Set();
    this.callbacks.set(workerId, callbacks.add(callback));
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0 && this.callbacks.get(workerId) === callbacks) this.callbacks.delete(workerId);
    };
  }

  /** Rereads the list after a change. */
  async refresh(): Promise<void> {
    const version = await this.documents.version(KIND);
    if (version === this.version) return;
    const drains = await allDocuments(this.documents, KIND);
    this.drains = new Map(drains.map(({ id, text }) => [id, JSON.parse(text) as Drain]));
    this.version = version;
    for (const workerId of this.drains.keys()) this.notifyWaiters(workerId);
  }

  async add(workerId: string, drain: Drain): Promise<void> {
    await this.documents.put(KIND, { id: workerId, text: JSON.stringify(drain), expected: 0 });
    await this.refresh();
  }

  async remove(workerId: string): Promise<void> {
    const present = await this.documents.get(KIND, workerId);
    if (present !== undefined) await this.documents.remove(KIND, workerId, present.revision);
    await this.refresh();
  }

  private notifyWaiters(workerId: string): void {
    const callbacks = this.callbacks.get(workerId);
    if (callbacks === undefined) return;
    this.callbacks.delete(workerId);
    for (const callback of callbacks) callback();
  }
}
