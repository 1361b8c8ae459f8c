/** The results of `work` on all items, in their order, at most `limit` at the same time. The first failure is thrown, and nothing is begun after it. */
export async function concurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  const worker = async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  } finally {
    for (const _rest of waiting); // the workers share the iterator: emptied, it ends them all
  }
  return results;
}
