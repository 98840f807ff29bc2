/** Kinds of documents that a copy of a store includes. */
export const DOCUMENT_KINDS = [
  ...(['schedule', 'scheduleRun', 'batch', 'workers', 'drain'] as const),
  ...(['notice', 'delivery', 'lock', 'leaseSecret', 'artifacts', 'artifactsOwner'] as const),
] as const;

/** Secrets that sign lease ids. A copy includes them because it includes held tasks. */
export const LEASE_SECRET_KIND = 'leaseSecret';

/**
 * A copy omits `secret`, `signOut`, `clock`, `endings` and `history`: each store has its own session secret, sign-outs,
 * clock reading, processes and charts.
 */
export type DocumentKind =
  (typeof DOCUMENT_KINDS)[number] | 'secret' | 'signOut' | 'clock' | 'endings' | 'history';

/** A small document with a name; `text` is its JSON. */
export interface StoredDocument {
  readonly id: string;
  readonly text: string;
  /** Changes with every write and never repeats, even after a removal. */
  readonly revision: number;
}

export interface NewDocument {
  readonly id: string;
  readonly text: string;
  /** Required current revision; 0 requires that the document does not exist. */
  readonly expected: number;
}

export interface DocumentPage {
  /** Youngest first. A rewritten document keeps its age. */
  readonly documents: readonly StoredDocument[];
  /** Cursor of the next page. */
  readonly next?: number;
}

export interface DocumentQuery {
  readonly limit: number;
  /** Cursor from the previous page. */
  readonly before?: number;
}

/**
 * Keeps small documents by kind and name beside the tasks, without interpreting them. Every driver gives the promises
 * of `TaskStore`: a write is durable when its promise resolves, and a read returns only durable data. All methods
 * reject with `StoreUnavailable` while the store is unavailable.
 */
export abstract class DocumentStore {
  abstract get(kind: DocumentKind, id: string): Promise<StoredDocument | undefined>;

  /** Writes the document at its expected revision: the new revision, or `undefined` when another write came first. */
  abstract put(kind: DocumentKind, document: NewDocument): Promise<number | undefined>;

  /** False when the document is missing or has another revision. */
  abstract remove(kind: DocumentKind, id: string, revision: number): Promise<boolean>;

  abstract list(kind: DocumentKind, query: DocumentQuery): Promise<DocumentPage>;

  /** A number that changes with every write and removal of the kind, by any process. Cheap enough to poll. */
  abstract version(kind: DocumentKind): Promise<number>;
}

const PAGE = 500;

/** All documents of a kind, youngest first. Documents written during the call may be missing. */
export async function allDocuments(store: DocumentStore, kind: DocumentKind): Promise<StoredDocument[]> {
  const found: StoredDocument[] = [];
  for await (const page of documentPages(store, kind)) found.push(...page);
  return found;
}

/** The same page by page. */
export async function* documentPages(
  store: DocumentStore,
  kind: DocumentKind,
): AsyncGenerator<readonly StoredDocument[]> {
  let before: number | undefined;
  do {
    const page: DocumentPage = await store.list(kind, { limit: PAGE, before });
    yield page.documents;
    before = page.next;
  } while (before !== undefined);
}
