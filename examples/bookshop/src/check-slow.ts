import { setTimeout as wait } from 'node:timers/promises';
import type { Child } from './child.ts';
import type { Ledger } from './ledger.ts';
import type { Shop } from './shop.ts';

type Claim = (text: string, ok: boolean, figure: string) => void;

const windowMs = 4_000;

/** Makes one endpoint of reviews 50 times slower than it was, and heals it again. */
export async function checkSlow(shop: Shop, ledger: Ledger, claim: Claim): Promise<void> {
  const slowed = [...shop.children.values()].find(({ name }) =>
    name.startsWith('reviews-v3'),
  ) as Child;
  await wait(windowMs);
  const usualMs = median(ledger.latencies('reviews.default', windowMs));
  const slowMs = Math.round(50 * usualMs);
  slowed.direct({ kind: 'slow', ms: slowMs });
  await wait(1_000 + windowMs); // a second to find it out
  const rows = ledger.rows(windowMs).filter(({ service }) => service === 'reviews.default');
  const all = rows.reduce((calls, row) => calls + row.calls, 0);
  const own = rows.find(({ endpoint }) => endpoint === slowed.endpoint)?.calls ?? 0;
  const share = (100 * own) / all;
  const latencies = ledger.latencies('reviews.default', windowMs);
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? Infinity;
  slowed.direct({ kind: 'slow', ms: 0 });
  claim(
    'an endpoint that became 50 times slower is left alone',
    all > 0 && share < 3,
    `${share.toFixed(1)} % of ${all} calls (${usualMs.toFixed(1)} → ${slowMs} ms)`,
  );
  claim('p99 recovered', p99 < slowMs / 2, `${p99.toFixed(1)} ms`);
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
