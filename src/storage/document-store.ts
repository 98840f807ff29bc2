/** Everything that is kept as documents. A copy of a store takes all of them along. */
export const DOCUMENT_KINDS = [
  ...(['schedule', 'scheduleRun', 'batch', 'workers', 'drain'] as const),
  ...(['notice', 'delivery', 'lock', 'leaseSecret'] as const),
] as const;

/** Secrets that lease ids are signed with. They follow the tasks into a copy, because held tasks go with them. */
export const LEASE_SECRET_KIND = 'leaseSecret';

/** Left behind by a copy: a `secret` and the sign-outs of its sessions, and how late it was: the other store has its own. */
export type DocumentKind = (typeof DOCUMENT_KINDS)[number] | 'secret' | 'signOut' | 'clock';

/** A small document with a name; `text` is its JSON. */
export interface StoredDocument {
  readonly id: string;
  readonly text: string;
  /** Another one after every write, never one that there was before, also when it was removed in between. */
  readonly revision: number;
}

export interface NewDocument {
  readonly id: string;
  readonly text: string;
  /** What is there must be at this revision; 0: there must be none. */
  readonly expected: number;
}

export interface DocumentPage {
  /** The youngest first. A document keeps its age when it is written again. */
  readonly documents: readonly StoredDocument[];
  /** Where the next page begins. */
  readonly next?: number;
}

export interface DocumentQuery {
  readonly limit: number;
  /** From the page before. */
  readonly before?: number;
}

/**
 * Keeps small documents by kind and name beside the tasks; it knows nothing of what they say. Every driver promises
 * what `TaskStore` does: a write is durable when its promise resolves, a read shows nothing that could still be lost,
 * and all reject with `StoreUnavailable` when the store is away.
 */
export abstract class DocumentStore {
  abstract get(kind: DocumentKind, id: string): Promise<StoredDocument | undefined>;

  /** Writes unless somebody else wrote first: the new revision, or `undefined`. */
  abstract put(kind: DocumentKind, document: NewDocument): Promise<number | undefined>;

  /** False when it was not there at this revision. */
  abstract remove(kind: DocumentKind, id: string, revision: number): Promise<boolean>;

  abstract list(kind: DocumentKind, query: DocumentQuery): Promise<DocumentPage>;

  /** Another number after every write and removal of the kind, whichever process made it. Cheap enough to ask often. */
  abstract version(kind: DocumentKind): Promise<number>;
}

const PAGE = 500;

/** All documents of a kind, the youngest first. Those that are written meanwhile may be missing. */
export async function allDocuments(store: DocumentStore, kind: DocumentKind): Promise<StoredDocument[]> {
  const found: StoredDocument[] = [];
  let before: number | undefined;
  do {
    const page: DocumentPage = await store.list(kind, { limit: PAGE, before });
    found.push(...page.documents);
    before = page.next;
  } while (before !== undefined);
  return found;
}
