import {
  type DocumentKind,
  type DocumentPage,
  type DocumentQuery,
  DocumentStore,
  type NewDocument,
  type StoredDocument,
} from '../../src/storage/document-store.js';

interface Entry extends StoredDocument {
  readonly born: number;
}

/** What outlives a restart. */
export class DocumentData {
  readonly kinds = new Map<DocumentKind, Map<string, Entry>>();
  writes = 0;
  /** The last write of each kind. */
  readonly versions = new Map<DocumentKind, number>();
}

/** What a store of documents promises, by the shortest way. */
export class ReferenceDocuments extends DocumentStore {
  constructor(
    private readonly data: DocumentData,
    private readonly requireOpen: () => void,
  ) {
    super();
  }

  async get(kind: DocumentKind, id: string): Promise<StoredDocument | undefined> {
    const entry = this.of(kind).get(id);
    return entry && { id, text: entry.text, revision: entry.revision };
  }

  async put(kind: DocumentKind, { id, text, expected }: NewDocument): Promise<number | undefined> {
    const present = this.of(kind).get(id);
    if ((present?.revision ?? 0) !== expected) return undefined;
    const revision = this.write(kind);
    this.of(kind).set(id, { id, text, revision, born: present?.born ?? revision });
    return revision;
  }

  async remove(kind: DocumentKind, id: string, revision: number): Promise<boolean> {
    if (this.of(kind).get(id)?.revision !== revision) return false;
    this.write(kind);
    return this.of(kind).delete(id);
  }

  async list(kind: DocumentKind, { limit, before = Infinity }: DocumentQuery): Promise<DocumentPage> {
    const found = [...this.of(kind).values()]
      .filter(({ born }) => born < before)
      .toSorted((one, other) => other.born - one.born);
    const page = found.slice(0, limit);
    const documents = page.map(({ id, text, revision }) => ({ id, text, revision }));
    return found.length > limit ? { documents, next: page.at(-1)?.born } : { documents };
  }

  async version(kind: DocumentKind): Promise<number> {
    this.requireOpen();
    return this.data.versions.get(kind) ?? 0;
  }

  private write(kind: DocumentKind): number {
    this.data.writes += 1;
    this.data.versions.set(kind, this.data.writes);
    return this.data.writes;
  }

  private of(kind: DocumentKind): Map<string, Entry> {
    this.requireOpen();
    const known = this.data.kinds.get(kind) ?? new Map<string, Entry>();
    this.data.kinds.set(kind, known);
    return known;
  }
}
