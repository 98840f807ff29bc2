/**
 * Calls `work` for all items, with so many calls in flight at a time; the results are in the order of the items. One
 * turn of the event loop so starts and handles few of them.
 *
 * After a failure it starts no further call, waits for those in flight, and rejects with the error that came first.
 */
export async function inFlight<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const rest = items.entries();
  const failures: unknown[] = [];
  const run = async () => {
    for (const [index, item] of rest) {
      if (failures.length > 0) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, run));
  if (failures.length > 0) throw failures[0];
  return results;
}
