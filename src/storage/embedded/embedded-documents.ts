import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type DocumentKind,
  type DocumentPage,
  type DocumentQuery,
  DocumentStore,
  type NewDocument,
  type StoredDocument,
} from '../document-store.js';
import type { Commits } from './commits.js';
import type { Puts } from './group-commit.js';
import type { DocumentRecord, QueueFiles } from './queue-files.js';

const COUNTER = 'document';

/** The result of a write, and the write itself. */
interface Decision<T> {
  readonly result: T;
  readonly puts: Puts;
}

/** Documents in the file of the tasks. Writes of one document run one after the other. */
export class EmbeddedDocuments extends DocumentStore {
  private readonly underWay = new Map<string, Promise<unknown>>();
  private readonly versions = new Map<DocumentKind, number>();
  private lastRevision: number;

  constructor(
    private readonly files: QueueFiles,
    private readonly commits: Commits,
  ) {
    super();
    this.lastRevision = files.counters.get(COUNTER) ?? 0;
  }

  async get(kind: DocumentKind, id: string): Promise<StoredDocument | undefined> {
    await this.open();
    const record = this.files.document(kind, id);
    return record === undefined ? undefined : documentOf(id, record);
  }

  async put(kind: DocumentKind, { id, text, expected }: NewDocument): Promise<number | undefined> {
    return this.alone(kind, id, (present) => {
      if ((present?.revision ?? 0) !== expected) return undefined;
      this.lastRevision += 1;
      const revision = this.lastRevision;
      const record = { born: present?.born ?? revision, revision, text };
      const puts = () => {
        this.files.setCounter(COUNTER, revision);
        this.files.putDocument([kind, id], record);
      };
      return { result: revision, puts };
    });
  }

  async remove(kind: DocumentKind, id: string, revision: number): Promise<boolean> {
    const isRemoved = await this.alone(kind, id, (present) => {
      if (present?.revision !== revision) return undefined;
      const puts = () => {
        this.files.removeDocument([kind, id], present);
      };
      return { result: true, puts };
    });
    return isRemoved ?? false;
  }

  async list(kind: DocumentKind, { limit, before }: DocumentQuery): Promise<DocumentPage> {
    // Reading is synchronous, so a caller that reads all pages lets other calls run between them.
    if (before !== undefined) await nextTurn();
    await this.open();
    const documents: StoredDocument[] = [];
    for (const { born, id } of this.files.documentsBefore(kind, before ?? Infinity)) {
      if (documents.length === limit) return { documents, next: born + 1 };
      const record = this.files.document(kind, id);
      if (record?.born === born) documents.push(documentOf(id, record));
    }
    return { documents };
  }

  async version(kind: DocumentKind): Promise<number> {
    await this.open();
    return this.versions.get(kind) ?? 0;
  }

  /** Resolves when no write is pending. */
  async allEnded(): Promise<void> {
    await Promise.allSettled(this.underWay.values());
  }

  /** Decides on the durable record while no other write of it is pending, and waits until the write is on disk. */
  private async alone<T>(
    kind: DocumentKind,
    id: string,
    decide: (present: DocumentRecord | undefined) => Decision<T> | undefined,
  ): Promise<T | undefined> {
    const key = `${kind}/${id}`;
    for (let other = this.underWay.get(key); other !== undefined; other = this.underWay.get(key)) {
      await other.catch(() => undefined);
    }
    this.commits.requireOpen();
    const decision = decide(this.files.document(kind, id));
    if (decision === undefined) return undefined;
    const written = this.commits.save(decision.puts);
    this.underWay.set(key, written);
    try {
      await written;
    } finally {
      this.underWay.delete(key);
    }
    // After the write: a reader of the new version must find the new data.
    this.versions.set(kind, (this.versions.get(kind) ?? 0) + 1);
    return decision.result;
  }

  private async open(): Promise<void> {
    await Promise.resolve();
    this.commits.requireOpen();
  }
}

function documentOf(id: string, { text, revision }: DocumentRecord): StoredDocument {
  return { id, text, revision };
}
