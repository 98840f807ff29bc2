/**
 * Calls `work` for all items with a limited number of calls in flight, so that one turn of the event loop starts and
 * handles few of them. The results are in the order of the items.
 *
 * After a failure it starts no further call, waits for those in flight, and rejects with the first error.
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
