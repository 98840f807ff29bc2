import { allDocuments, DOCUMENT_KINDS, type DocumentStore } from './document-store.js';

/**
 * Copies every document, the oldest first. Nothing that is there is overwritten.
 *
 * @returns names of those that are another in the target
 */
export async function copyDocuments(from: DocumentStore, to: DocumentStore): Promise<readonly string[]> {
  const different: string[] = [];
  for (const kind of DOCUMENT_KINDS) {
    for (const { id, text } of (await allDocuments(from, kind)).toReversed()) {
      await to.put(kind, { id, text, expected: 0 });
      const there = await to.get(kind, id);
      if (there?.text !== text) different.push(`${kind} ${id}`);
    }
  }
  return different;
}
