import type { TrafficRow } from './services/stage.ts';
import type { TrafficReport } from './shop.ts';

interface Entry {
  readonly at: number;
  readonly report: TrafficReport;
}

/** What the customers saw of one endpoint over a window. */
interface LedgerRow extends Omit<TrafficRow, 'latencies'> {
  readonly callsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Keeps the customers' reports of the last minutes and sums them up. */
export interface Ledger {
  add(report: TrafficReport): void;
  /** Rows by service, version and endpoint over the last `windowMs`. */
  rows(windowMs: number): LedgerRow[];
  /** Of every endpoint of `service` over the last `windowMs`, in milliseconds, the shortest first. */
  latencies(service: string, windowMs: number): number[];
  readonly calls: number;
  readonly failures: readonly string[];
  /** Milliseconds since the epoch at which an attempt was last sent to `endpoint`. */
  lastSentAt(endpoint: string): number;
}

const keptMs = 60_000;

export function createLedger(): Ledger {
  let entries: Entry[] = [];
  const lastSent = new Map<string, number>();
  let calls = 0;
  const failures: string[] = [];
  return {
    add(report) {
      const now = performance.now();
      entries = entries.filter(({ at }) => now - at < keptMs);
      entries.push({ at: now, report });
      calls += report.calls;
      failures.push(...report.failures);
      for (const { endpoint, lastSentAt } of report.rows) {
        lastSent.set(endpoint, Math.max(lastSentAt, lastSent.get(endpoint) ?? 0));
      }
    },
    rows(windowMs) {
      const since = performance.now() - windowMs;
      const byEndpoint = new Map<string, TrafficRow[]>();
      for (const { at, report } of entries) {
        if (at < since) continue;
        for (const row of report.rows)
          byEndpoint.set(row.endpoint, [...(byEndpoint.get(row.endpoint) ?? []), row]);
      }
      return [...byEndpoint.values()].map((rows) => sum(rows, windowMs)).sort(byName);
    },
    latencies(service, windowMs) {
      const since = performance.now() - windowMs;
      return entries
        .filter(({ at }) => at >= since)
        .flatMap(({ report }) => report.rows)
        .filter((row) => row.service === service)
        .flatMap((row) => row.latencies)
        .sort((a, b) => a - b);
    },
    get calls() {
      return calls;
    },
    failures,
    lastSentAt: (endpoint) => lastSent.get(endpoint) ?? 0,
  };
}

function sum(rows: readonly TrafficRow[], windowMs: number): LedgerRow {
  const last = rows[rows.length - 1] as TrafficRow;
  const latencies = rows.flatMap((row) => row.latencies).sort((a, b) => a - b);
  const calls = rows.reduce((total, row) => total + row.calls, 0);
  return {
    ...last,
    calls,
    errors: rows.reduce((total, row) => total + row.errors, 0),
    callsPerSecond: (calls * 1000) / windowMs,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

function byName(a: LedgerRow, b: LedgerRow): number {
  return `${a.service} ${a.version} ${a.endpoint}`.localeCompare(
    `${b.service} ${b.version} ${b.endpoint}`,
  );
}
