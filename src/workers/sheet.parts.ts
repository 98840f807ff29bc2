import type { Instant } from '../task/clock.js';

/** Workers of one part. A part with one change is written whole: some kilobytes. */
const WORKERS_PER_PART = 16;

/** Some of the workers of a process, always the same ones: they are written down together, as one document. */
export interface SheetPart {
  readonly id: string;
  readonly members: Set<string>;
  /** Of the document; 0 while there is none. */
  revision: number;
  writtenAt: Instant;
  isChanged: boolean;
}

/** Parts the sheet of a process, so that a change of one worker does not cost a write of all. */
export class SheetParts {
  private readonly parts: SheetPart[] = [];
  private readonly byWorker = new Map<string, SheetPart>();

  /** @param processId names the document of the first part, as it named that of the whole sheet in earlier versions */
  constructor(private readonly processId: string) {}

  get all(): readonly SheetPart[] {
    return this.parts;
  }

  /** Whether this document is one of this process. */
  has(id: string): boolean {
    return this.parts.some((part) => part.id === id);
  }

  /** Notes that a worker has changed. */
  change(workerId: string): void {
    this.partOf(workerId).isChanged = true;
  }

  /** Forgets a worker, whose place another one may take. */
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
