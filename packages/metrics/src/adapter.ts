import type { Observer } from '@inmesh/core';
import type { RecorderReader } from './recorder.ts';

/**
 * Where metrics go. An adapter listens (`observer`: every call, for logs and spans), pushes
 * (`flush`: now and then, for StatsD and its like), or both. One that is only asked from outside,
 * as Prometheus is, needs no adapter: it reads the recorder.
 *
 * An adapter may fail: what throws, rejects or takes too long is counted, left alone for a while
 * and tried again, and disturbs neither calls nor other adapters.
 */
export interface MetricsAdapter {
  /** A label, unique among the adapters of a process: for `inmesh_adapter_failures_total` and logs. */
  readonly name: string;
  /** Hears everything as it ends. Must be quick: it runs inside the call. */
  readonly observer?: Observer;
  /** How often `flush` comes, milliseconds. @default 10_000 */
  readonly flushEveryMs?: number;
  /** Sends what changed. The next one comes only after this one has settled. */
  flush?(recorder: RecorderReader): void | Promise<void>;
  /** Frees what the adapter holds, after a last `flush`. */
  close?(): void | Promise<void>;
}
