import { createHash } from 'node:crypto';
import { allDocuments, DOCUMENT_KINDS, type DocumentStore, LEASE_SECRET_KIND } from './document-store.js';

/**
 * Copies every document, oldest first. Existing documents are not overwritten.
 *
 * @returns names of documents that differ in the target
 */
export async function copyDocuments(from: DocumentStore, to: DocumentStore): Promise<readonly string[]> {
  const different: string[] = [];
  for (const kind of DOCUMENT_KINDS) {
    for (const { id, text } of (await allDocuments(from, kind)).toReversed()) {
      if (await hasCopied(to, { kind, id, text })) continue;
      // A lease secret gets another id: the target keeps its own secret and those of earlier copies.
      const another = createHash('sha256').update(text).digest('hex').slice(0, 16);
      const isKept = kind === LEASE_SECRET_KIND && (await hasCopied(to, { kind, id: another, text }));
      if (!isKept) different.push(`${kind} ${id}`);
    }
  }
  return different;
}

interface Copied {
  readonly kind: (typeof DOCUMENT_KINDS)[number];
  readonly id: string;
  readonly text: string;
}

async function hasCopied(to: DocumentStore, { kind, id, text }: Copied): Promise<boolean> {
  await to.put(kind, { id, text, expected: 0 });
  return (await to.get(kind, id))?.text === text;
}
