import type { Interceptor, Observer, RunInSpan } from '@inmesh/core';
import type { RecorderReader } from './recorder.ts';
import type { Signal, TelemetrySource } from './telemetry/telemetry-policy.ts';

/**
 * Where telemetry goes. An adapter listens (`observer`: every call, for logs and spans), pushes
 * (`flush`: now and then, for StatsD and its like), or both. One that is only asked from outside,
 * as Prometheus is, needs no adapter: it reads the recorder.
 *
 * An adapter may fail: what throws, rejects or takes too long is counted, left alone for a while
 * and tried again, and disturbs neither calls nor other adapters.
 */
export interface TelemetryAdapter {
  /**
   * A label: for `inmesh_adapter_failures_total`, logs, and as `providers[].name` in `Telemetry`
   * resources. Unique for its signal among the adapters of a process.
   */
  readonly name: string;
  /** Which part of a `Telemetry` resource switches it. Without one it hears everything, always. */
  readonly signal?: Signal;
  /** Once, before anything else: what the resources say, live. Only what goes beyond on and off needs it. */
  start?(telemetry: TelemetrySource): void;
  /** Hears what ends, as far as the resources let it. Must be quick: it runs inside the call. */
  readonly observer?: Observer;
  /** Around every call, before all other interceptors: of an adapter that knows the app's own active span. */
  readonly interceptor?: Interceptor;
  /** Around the handler of every request served, so that the app's own spans belong below the request's. */
  readonly runInSpan?: RunInSpan;
  /** How often `flush` comes, milliseconds. @default 10_000 */
  readonly flushEveryMs?: number;
  /** Sends what changed. The next one comes only after this one has settled. */
  flush?(recorder: RecorderReader): void | Promise<void>;
  /** Frees what the adapter holds, after a last `flush`. */
  close?(): void | Promise<void>;
}
