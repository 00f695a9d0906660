import type { Duration, WorkloadSelector } from './common.ts';
import type { ResourceOf } from './resource.ts';

/**
 * What Istio cannot say of the calls to one host: ours, beside the DestinationRule of the same host,
 * which it adds to. A part that is absent is as the callers' own options say; one that is there is on,
 * and what it leaves out has the defaults below.
 */
export type ResiliencePolicy = ResourceOf<'ResiliencePolicy', ResiliencePolicySpec>;

export interface ResiliencePolicySpec {
  /** As in a DestinationRule. */
  readonly host: string;
  readonly breaker?: BreakerSettings;
  readonly hedge?: HedgeSettings;
  readonly limit?: AdaptiveLimitSettings;
  readonly throttle?: ThrottleSettings;
  readonly silence?: SilenceSettings;
  readonly aperture?: ApertureSettings;
  readonly probing?: ProbingSettings;
  readonly requestCache?: RequestCacheSettings;
  /** Asked in turn. */
  readonly fallbacks?: readonly FallbackSettings[];
  /** Parts that are switched off, whatever the callers say. */
  readonly off?: readonly ResiliencePart[];
  /** Namespaces that see it: `.` its own, `*` all. @default ['*'] */
  readonly exportTo?: readonly string[];
  /** Only for these calling workloads of the same namespace. */
  readonly workloadSelector?: WorkloadSelector;
}

/** What can be switched off. */
export type ResiliencePart =
  | 'breaker'
  | 'hedge'
  | 'limit'
  | 'throttle'
  | 'silence'
  | 'aperture'
  | 'requestCache'
  | 'fallbacks';

export interface BreakerSettings {
  /** @default 20 */
  readonly minCalls?: number;
  /** @default 50 */
  readonly failurePercent?: number;
  /** @default 10s */
  readonly window?: Duration;
  /** @default 5s */
  readonly sleep?: Duration;
  /** @default 1 */
  readonly probes?: number;
  /** @default 1 */
  readonly successesToClose?: number;
}

/** At most one of `delay` and `percentile`. */
export interface HedgeSettings {
  readonly delay?: Duration;
  /** @default 95 */
  readonly percentile?: number;
  /** @default 5 */
  readonly maxPercent?: number;
}

export interface AdaptiveLimitSettings {
  /** @default 4 */
  readonly minLimit?: number;
  /** @default 1000 */
  readonly maxLimit?: number;
  /** @default 20 */
  readonly initialLimit?: number;
  /** @default 1.5 */
  readonly tolerance?: number;
  /** @default 250ms */
  readonly window?: Duration;
}

export interface ThrottleSettings {
  /** @default 2 */
  readonly factor?: number;
  /** @default 90 */
  readonly maxPercent?: number;
  /** @default 10s */
  readonly window?: Duration;
}

export interface SilenceSettings {
  /** @default 500ms */
  readonly after?: Duration;
  /** @default 4 */
  readonly latencyFactor?: number;
  /** @default 3 */
  readonly minWaiting?: number;
}

export interface ApertureSettings {
  /** @default 20 */
  readonly endpoints?: number;
}

export interface ProbingSettings {
  readonly interval: Duration;
  /** @default /healthz */
  readonly path?: string;
}

export interface RequestCacheSettings {
  /** @default 65536 */
  readonly maxBodyBytes?: number;
  /** @default 100 */
  readonly maxEntries?: number;
}

/** Exactly one of the three. */
export interface FallbackSettings {
  readonly lastGood?: {
    /** @default 5m */
    readonly maxAge?: Duration;
    /** @default 100 */
    readonly maxEntries?: number;
    /** @default 65536 */
    readonly maxBodyBytes?: number;
  };
  readonly service?: {
    readonly host: string;
    /** @default 1s */
    readonly timeout?: Duration;
  };
  readonly response?: {
    /** @default 200 */
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    /** As UTF-8. */
    readonly body?: string;
  };
}
