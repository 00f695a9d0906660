/** When to begin what a bench does so often a second. */

/** Milliseconds until the next one, of `perSecond`. */
type Gap = (perSecond: number) => number;

export const evenly: Gap = (perSecond) => 1_000 / perSecond;

/** As those come who know nothing of each other. */
export const atRandom: Gap = (perSecond) => -Math.log(1 - Math.random()) * evenly(perSecond);

/** Begins `work` so often a second for `durationMs`, whatever became of the last one. */
export async function begin<T>(
  work: () => Promise<T>,
  perSecond: number,
  gap: Gap,
  durationMs: number,
): Promise<T[]> {
  const results: Promise<T>[] = [];
  const startedAt = performance.now();
  for (let dueMs = 0; dueMs < durationMs; dueMs += gap(perSecond)) {
    const waitMs = startedAt + dueMs - performance.now();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    results.push(work());
  }
  return await Promise.all(results);
}
