import type { SeveralFallbacks } from '@inmesh/client';
import type {
  AdaptiveLimitPolicy,
  AperturePolicy,
  HedgePolicy,
  Priority,
  RequestCachePolicy,
  SilencePolicy,
  ThrottlePolicy,
} from '@inmesh/core';
import type { Exchange } from '@inmesh/inbound';

/** What `createMesh` takes to keep callers alive, beside retries, breaker and ejection. */
export interface ResilienceOptions {
  /** Of calls that neither their caller nor the request they serve says anything of; callees shed `batch` first. */
  readonly priority?: Priority;
  /** A second attempt races a slow first one; `{}` is on with the defaults. */
  readonly hedge?: Partial<HedgePolicy> | null;
  /** Calls in flight follow latency, within `pool.maxRequests`; `{}` is on with the defaults. */
  readonly limit?: Partial<AdaptiveLimitPolicy> | null;
  /** Refuses here what a destination would refuse anyway; `{}` is on with the defaults. */
  readonly throttle?: Partial<ThrottlePolicy> | null;
  /** When an endpoint counts as silent; `null` switches the watch off. */
  readonly silence?: Partial<SilencePolicy> | null;
  /** Uses a part of a large service, so that connections do not grow as callers times endpoints; `{}` is on with the defaults. */
  readonly aperture?: Partial<AperturePolicy> | null;
  /** Whether calls go to the nearest endpoints while they can bear it: same subzone, zone, region, then others. */
  readonly preferNear?: boolean;
  /** Endpoints that join later get their share little by little, over so long; 0 is at once. */
  readonly warmupMs?: number;
  /** Answers of calls that failed for good, by service (`reviews`); several are asked in turn. */
  readonly fallbacks?: Readonly<Record<string, SeveralFallbacks>>;
  /**
   * Services (`reviews`) whose GET answers are shared by the calls of one inbound request, while they
   * are awaited and afterwards; `{}` is on with the defaults. Never shared beyond the request.
   */
  readonly requestCache?: Readonly<Record<string, Partial<RequestCachePolicy>>>;
  /** Beyond what this process answers 503 at once, batch work first. */
  readonly shed?: ShedPolicy;
  /** Beyond what a caller gets 429. */
  readonly rateLimit?: RateLimitPolicy;
}

interface ShedPolicy {
  /** Requests served at once. */
  readonly maxInFlight?: number;
  /** Finds that number by latency. */
  readonly adaptive?: boolean;
  /** By how much the event loop may be behind. */
  readonly maxEventLoopDelayMs?: number;
  /** What callers are told. */
  readonly retryAfterSeconds?: number;
  /** How much a request matters, where the caller's own word is not believed; only in code. Must not throw. */
  readonly priorityOf?: (exchange: Exchange) => Priority;
}

interface RateLimitPolicy {
  /** Of each caller, in the long run. */
  readonly perSecond?: number;
  /** At once after a pause. */
  readonly burst?: number;
  /** Counted for all processes of this service together, at the registry. */
  readonly shared?: boolean;
  /** Whose limit a request counts on; only in code. `undefined` lets it pass. Must not throw. @default the end user, else the workload, else the address */
  readonly key?: (exchange: Exchange) => string | undefined;
}
