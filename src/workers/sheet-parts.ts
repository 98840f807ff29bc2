import type { Instant } from '../task/clock.js';

/** Workers per part. A change rewrites its whole part, some kilobytes. */
const WORKERS_PER_PART = 16;

/** A fixed group of a process's workers, stored together as one document. */
export interface SheetPart {
  readonly id: string;
  readonly members: Set<string>;
  /** The revision of the document; 0 if it does not exist. */
  revision: number;
  writtenAt: Instant;
  isChanged: boolean;
}

/** Splits the sheet of a process, so that a change of one worker does not rewrite all. */
export class SheetParts {
  private readonly parts: SheetPart[] = [];
  private readonly byWorker = new Map<string, SheetPart>();

  /** @param processId the id of the first part's document, as for the whole sheet in earlier versions */
  constructor(private readonly processId: string) {}

  get all(): readonly SheetPart[] {
    return this.parts;
  }

  /** Whether this document belongs to this process. */
  has(id: string): boolean {
    return this.parts.some((part) => part.id === id);
  }

  /** Marks a worker as changed. */
  change(workerId: string): void {
    this.partOf(workerId).isChanged = true;
  }

  /** Removes a worker; another one can take its place. */
  forget(workerId: string): void {
    const part = this.byWorker.get(workerId);
    if (part === undefined) return;
    this.byWorker.delete(workerId);
    part.members.delete(workerId);
    part.isChanged = true;
  }

  private partOf(workerId: string): SheetPart {
    const known = this.byWorker.get(workerId);
    if (known !== undefined) return known;
    const part = this.parts.find(({ members }) => members.size < WORKERS_PER_PART) ?? this.addPart();
    part.members.add(workerId);
    this.byWorker.set(workerId, part);
    return part;
  }

  private addPart(): SheetPart {
    const number = this.parts.length;
    const id = number === 0 ? this.processId : `${this.processId}.${number}`;
    const part = { id, members: new Set<string>(), revision: 0, writtenAt: -Infinity, isChanged: false };
    this.parts.push(part);
    return part;
  }
}
