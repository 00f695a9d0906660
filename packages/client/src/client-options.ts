import type {
  Clock,
  CredentialSource,
  EndpointSource,
  Interceptor,
  Logger,
  MinTls,
  NameScope,
  Observer,
  Priority,
  Random,
  RouterSource,
  ServiceName,
  StaticEndpoint,
  TracePolicySource,
  Workload,
} from '@inmesh/core';
import {
  defaultNameScope,
  fixedRouter,
  fixedTracePolicy,
  MeshError,
  maxTimerDelayMs,
  priorities,
  silentLogger,
  staticSource,
  systemClock,
} from '@inmesh/core';
import type { ApertureSeat } from './aperture.ts';
import type { AttemptHook } from './call-runtime.ts';
import { type ClientPolicy, type PolicyOptions, resolvePolicy } from './policy-defaults.ts';

export interface ClientOptions extends PolicyOptions {
  /** Where endpoints come from. The caller closes it. Give this or `endpoints`. */
  readonly source?: EndpointSource;
  /** A fixed list by service name: `{ reviews: [{ port: 9080 }] }`. */
  readonly endpoints?: Readonly<Record<string, readonly StaticEndpoint[]>>;
  /** @default every call to the whole service that its host names */
  readonly router?: RouterSource;
  /** Who this process is: its locality for balancing, and the label that callees see. */
  readonly workload?: Workload;
  /** @default defaultNameScope, in the workload's namespace */
  readonly names?: NameScope;
  /** What becomes of hosts outside the mesh: passed through, or refused with `outbound_refused`. @default 'allow-any' */
  readonly outbound?: 'allow-any' | 'registry-only';
  /**
   * This process' place among those that call as it does, for `aperture`; asked when a list changes.
   * @default a place drawn at the start
   */
  readonly apertureSeat?: ApertureSeat;
  /** Around every call, the first outermost. @default [] */
  readonly interceptors?: readonly Interceptor[];
  /** Before every attempt. @default [] */
  readonly attemptHooks?: readonly AttemptHook[];
  /** @default [] */
  readonly observers?: readonly Observer[];
  /** What the client proves itself with: endpoints that offer mutual TLS are called by it. @default none */
  readonly credentials?: CredentialSource;
  /** Below it a service is not called: for all of them, or service by service. @default 'none' */
  readonly minTls?: MinTls | ((service: ServiceName) => MinTls);
  /** For a whole call that says nothing, in milliseconds; 0 is none. @default 10_000 */
  readonly timeoutMs?: number;
  /** Of `request`, and of compressed bodies once decoded. @default 16 MiB */
  readonly maxBodyBytes?: number;
  /** How long the first call to a service waits for its endpoints. @default 5_000 */
  readonly sourceWaitMs?: number;
  /** How long `close` waits for calls in flight. @default 10_000 */
  readonly closeTimeoutMs?: number;
  /** Of calls that neither their caller nor the inbound request says anything of; callees shed `batch` first. @default 'default' */
  readonly priority?: Priority;
  /** Share of the traces begun here that are sampled, 0..1; `tracing` says it too. @default 0, as in Istio */
  readonly samplingRatio?: number;
  /** How traces begin, go along and are reported. @default W3C's headers, no spans */
  readonly tracing?: TracePolicySource;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: Random;
  /** @default silent */
  readonly logger?: Logger;
}

/** The options with nothing left open. */
export interface ResolvedOptions {
  readonly source: EndpointSource;
  readonly router: RouterSource;
  readonly workload: Workload | undefined;
  readonly names: NameScope;
  readonly outbound: 'allow-any' | 'registry-only';
  readonly apertureSeat: ApertureSeat | undefined;
  readonly interceptors: readonly Interceptor[];
  readonly attemptHooks: readonly AttemptHook[];
  readonly observers: readonly Observer[];
  readonly credentials: CredentialSource | undefined;
  readonly minTls: (service: ServiceName) => MinTls;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly sourceWaitMs: number;
  readonly closeTimeoutMs: number;
  readonly tracing: TracePolicySource;
  readonly priority: Priority;
  readonly policy: ClientPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Throws `invalid_argument` with the option's name and value. */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  const { workload } = options;
  const outbound = options.outbound ?? 'allow-any';
  check(
    outbound === 'allow-any' || outbound === 'registry-only',
    'outbound',
    "'allow-any' or 'registry-only'",
    outbound,
  );
  const samplingRatio = options.samplingRatio ?? 0;
  check(samplingRatio >= 0 && samplingRatio <= 1, 'samplingRatio', 'within 0..1', samplingRatio);
  const maxBodyBytes = options.maxBodyBytes ?? 16 * 1024 * 1024;
  check(maxBodyBytes >= 1, 'maxBodyBytes', '1 or more', maxBodyBytes);
  const priority = options.priority ?? 'default';
  check(priorities.includes(priority), 'priority', "'critical', 'default' or 'batch'", priority);
  const timeoutMs = duration('timeoutMs', options.timeoutMs ?? 10_000);
  const policy = resolvePolicy(policyPart(options));
  checkTogether(timeoutMs, policy);
  return Object.freeze({
    source: resolveSource(options),
    router: options.router ?? fixedRouter(),
    workload,
    names:
      options.names ??
      (workload === undefined
        ? defaultNameScope
        : { ...defaultNameScope, namespace: workload.namespace }),
    outbound,
    apertureSeat: options.apertureSeat,
    interceptors: [...(options.interceptors ?? [])],
    attemptHooks: [...(options.attemptHooks ?? [])],
    observers: [...(options.observers ?? [])],
    credentials: options.credentials,
    minTls: resolveMinTls(options.minTls ?? 'none'),
    timeoutMs,
    maxBodyBytes,
    sourceWaitMs: duration('sourceWaitMs', options.sourceWaitMs ?? 5_000),
    closeTimeoutMs: duration('closeTimeoutMs', options.closeTimeoutMs ?? 10_000),
    tracing: options.tracing ?? fixedTracePolicy({ samplingRatio }),
    priority,
    policy,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
  });
}

function resolveMinTls(
  minTls: MinTls | ((service: ServiceName) => MinTls),
): ResolvedOptions['minTls'] {
  if (typeof minTls === 'function') return minTls;
  check(minTls === 'none' || minTls === 'mutual', 'minTls', "'none' or 'mutual'", minTls);
  return () => minTls;
}

function resolveSource({ source, endpoints }: ClientOptions): EndpointSource {
  check(
    (source === undefined) !== (endpoints === undefined),
    'source',
    'given, or endpoints: one of the two',
    source === undefined ? 'neither' : 'both',
  );
  return source ?? staticSource(endpoints ?? {});
}

function policyPart(options: ClientOptions): PolicyOptions {
  const { balancer, pool, outlier, breaker, retry, retryBudget } = options;
  const { hedge, limit, throttle, silence, aperture, locality, warmup } = options;
  const endpoint = { balancer, pool, outlier, silence, aperture, breaker, locality, warmup };
  const given = { ...endpoint, retry, retryBudget, hedge, limit, throttle };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as PolicyOptions;
}

/** Each may be, and both together may not: what could never come to be was not meant. 0 is no limit. */
function checkTogether(timeoutMs: number, { retry, hedge, limit, pool }: ClientPolicy): void {
  if (timeoutMs === 0) timeoutMs = Infinity;
  const below = (name: string, value: number, ofName: string, limitMs: number) =>
    check(value <= limitMs, name, `at most ${ofName} (${limitMs})`, value);
  below('retry.perTryTimeoutMs', retry.perTryTimeoutMs, 'timeoutMs', timeoutMs);
  if (hedge?.delayMs !== undefined) below('hedge.delayMs', hedge.delayMs, 'timeoutMs', timeoutMs);
  if (limit !== null) below('limit.minLimit', limit.minLimit, 'pool.maxRequests', pool.maxRequests);
}

function duration(name: string, value: number): number {
  check(
    value >= 0 && value <= maxTimerDelayMs,
    name,
    `within 0..${maxTimerDelayMs} milliseconds`,
    value,
  );
  return value;
}

function check(holds: boolean, name: string, expected: string, value: unknown): void {
  if (holds) return;
  throw new MeshError('invalid_argument', `${name} must be ${expected}, got ${String(value)}`);
}
