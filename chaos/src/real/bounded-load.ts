import { setTimeout as wait } from 'node:timers/promises';

/** What a stretch of load came to. */
export interface LoadResult {
  readonly seconds: number;
  readonly ok: number;
  readonly failed: number;
  /** Not sent, since too many were under way. */
  readonly skipped: number;
  /** Milliseconds, of calls that ended well, sorted. */
  readonly latencies: readonly number[];
  /** How often each failure was seen. */
  readonly failures: ReadonlyMap<string, number>;
}

export interface LoadOptions {
  /** Rejects with a failure. */
  readonly call: () => Promise<void>;
  readonly perSecond: number;
  readonly seconds: number;
}

/** More than a mesh in any trouble should have under way at these rates and deadlines. */
const maxInFlight = 1_000;
/** Calls go out in small groups: a timer for each would be late more often than not. */
const tickMs = 10;

/** Open load: calls go out at their time whatever became of those before. Waits until all have ended. */
export async function runLoad({ call, perSecond, seconds }: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = [];
  const failures = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  let failed = 0;
  let skipped = 0;
  let sent = 0;

  const send = async (): Promise<void> => {
    const startedAt = performance.now();
    try {
      await call();
      latencies.push(performance.now() - startedAt);
    } catch (error) {
      failed += 1;
      const { code } = error as { code?: string };
      const name = code ?? String(error);
      failures.set(name, (failures.get(name) ?? 0) + 1);
    }
  };
  const startedAt = performance.now();
  for (;;) {
    const elapsed = Math.min(seconds, (performance.now() - startedAt) / 1_000);
    for (; sent < elapsed * perSecond; sent += 1) {
      if (underWay.size >= maxInFlight) {
        skipped += 1;
        continue;
      }
      const one = send().finally(() => underWay.delete(one));
      underWay.add(one);
    }
    if (elapsed >= seconds) break;
    await wait(tickMs);
  }
  await Promise.all(underWay);
  latencies.sort((a, b) => a - b);
  return { seconds, ok: latencies.length, failed, skipped, latencies, failures };
}
