interface Paged {
  readonly next_cursor: string | null;
}

/** Reads the page at a cursor; the first page without one. */
export type Page<One extends Paged> = (cursor: string | undefined) => Promise<One>;

/** All items of a list. Each page is requested after the previous one has been consumed. */
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
