/** So many of so many. */
export interface Share {
  readonly hits: number;
  readonly of: number;
}

/**
 * Fisher's exact test, one-sided: the chance that `b` has so many hits or more when hits fall on
 * both alike. Exact for small counts and unequal sizes, where a test on the normal distribution
 * calls rare errors of a small sample significant far too often.
 */
export function fisherTest(a: Share, b: Share): number {
  const hits = a.hits + b.hits;
  const all = a.of + b.of;
  const most = Math.min(hits, b.of);
  // The chance of exactly b.hits, then each further one from the one before.
  let chance = Math.exp(
    logChoose(hits, b.hits) + logChoose(all - hits, b.of - b.hits) - logChoose(all, b.of),
  );
  let tail = 0;
  for (let k = b.hits; k <= most; k += 1) {
    tail += chance;
    if (chance < tail * Number.EPSILON) break;
    chance *= ((hits - k) * (b.of - k)) / ((k + 1) * (all - hits - b.of + k + 1));
  }
  return Math.min(1, tail);
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

const tabled = 256;
const table = new Float64Array(tabled);
for (let n = 2; n < tabled; n += 1) table[n] = (table[n - 1] as number) + Math.log(n);

/** Beyond the table Stirling's series: its first left-out term is below 1e-15 there. */
function logFactorial(n: number): number {
  if (n < tabled) return table[n] as number;
  const series = 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1_260 * n ** 5);
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + series;
}
