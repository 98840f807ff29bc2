interface Page {
  readonly next_cursor: string | null;
}

/** What is on a page and on all that follow it; each is asked for when the one before has been read. */
export async function* itemsOf<Item, One extends Page>(
  page: (cursor: string | undefined) => Promise<One>,
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
