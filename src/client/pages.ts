interface Paged {
  readonly next_cursor: string | null;
}

/** Reads the page at a cursor, or the first. */
export type Page<One extends Paged> = (cursor: string | undefined) => Promise<One>;

/** All items of a list, a page at a time; each page is requested when the one before it has been read. */
export async function* itemsOf<Item, One extends Paged>(
  page: Page<One>,
  items: (page: One) => readonly Item[],
  first?: string,
): AsyncGenerator<Item, void> {
  let cursor = first;
  do {
    const answer = await page(cursor);
    yield* items(answer);
    cursor = answer.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
