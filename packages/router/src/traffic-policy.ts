import {
  type ClientTlsSettings,
  type ConnectionPoolSettings,
  type OutlierDetection,
  parseDurationMs,
  type RetryBudget,
  type TrafficPolicy,
} from '@inmesh/config';
import type {
  DestinationPolicy,
  OutlierPolicy,
  PoolPolicy,
  RetryBudgetPolicy,
  UpstreamTlsPolicy,
} from '@inmesh/core';
import { invalidResource } from './invalid-resource.ts';
import { balancerPolicy, localityPolicy, warmupPolicy } from './load-balancer.ts';

type Components = Omit<TrafficPolicy, 'portLevelSettings'>;

/**
 * The policy that holds for one subset and port. A subset's components replace the rule's one by
 * one; settings for the port replace everything else, and what they leave out is at its default.
 */
export function mergeTrafficPolicies(
  rule: TrafficPolicy | undefined,
  subset: TrafficPolicy | undefined,
  port: number,
): Components {
  const base = withPortLevel(rule, rule, port);
  if (subset === undefined) return base;
  return withPortLevel({ ...base, ...definedOnly(subset) }, subset, port);
}

function withPortLevel(
  components: Components | undefined,
  source: TrafficPolicy | undefined,
  port: number,
): Components {
  const own = source?.portLevelSettings?.find((settings) => settings.port.number === port);
  if (own === undefined) return components ?? {};
  const { loadBalancer, connectionPool, outlierDetection, tls } = own;
  // Ports have no retry budget of their own, so the one above stays.
  const retryBudget = components?.retryBudget;
  return definedOnly({ loadBalancer, connectionPool, outlierDetection, tls, retryBudget });
}

function definedOnly(
  policy: {
    readonly [K in keyof Components]: Components[K] | undefined;
  },
): Components {
  const { loadBalancer, connectionPool, outlierDetection, tls, retryBudget } = policy;
  return {
    ...(loadBalancer === undefined ? {} : { loadBalancer }),
    ...(connectionPool === undefined ? {} : { connectionPool }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    ...(tls === undefined ? {} : { tls }),
    ...(retryBudget === undefined ? {} : { retryBudget }),
  };
}

/** Istio's components in the client's words; what is absent there is absent here. */
export function destinationPolicy(components: Components): DestinationPolicy {
  const { loadBalancer = {}, connectionPool, outlierDetection, tls, retryBudget } = components;
  const balancer = balancerPolicy(loadBalancer);
  const warmup = warmupPolicy(loadBalancer);
  // Outlier detection alone switches fail-over between localities on, as in Istio.
  const locality = loadBalancer.localityLbSetting ?? (outlierDetection && { enabled: true });
  return {
    ...(balancer === undefined ? {} : { balancer }),
    ...(warmup === undefined ? {} : { warmup }),
    ...(locality === undefined ? {} : { locality: localityPolicy(locality) }),
    ...(connectionPool === undefined ? {} : { pool: poolPolicy(connectionPool) }),
    ...(outlierDetection === undefined ? {} : { outlier: outlierPolicy(outlierDetection) }),
    ...(retryBudget === undefined ? {} : { retryBudget: budgetPolicy(retryBudget) }),
    ...(tls === undefined ? {} : { tls: tlsPolicy(tls) }),
  };
}

function poolPolicy({ tcp = {}, http = {} }: ConnectionPoolSettings): Partial<PoolPolicy> {
  const idleTimeout = http.idleTimeout ?? tcp.idleTimeout;
  const pool: { -readonly [K in keyof PoolPolicy]?: PoolPolicy[K] } = {};
  if (tcp.maxConnections !== undefined) pool.maxConnections = tcp.maxConnections;
  if (http.http2MaxRequests !== undefined) pool.maxRequests = http.http2MaxRequests;
  if (http.http1MaxPendingRequests !== undefined) pool.maxPending = http.http1MaxPendingRequests;
  if (tcp.connectTimeout !== undefined) pool.connectTimeoutMs = parseDurationMs(tcp.connectTimeout);
  if (idleTimeout !== undefined) pool.idleTimeoutMs = parseDurationMs(idleTimeout);
  if (http.maxRequestsPerConnection !== undefined) {
    pool.maxRequestsPerConnection = http.maxRequestsPerConnection;
  }
  if (tcp.maxConnectionDuration !== undefined) {
    pool.maxConnectionAgeMs = parseDurationMs(tcp.maxConnectionDuration);
  }
  return pool;
}

/** Every field is filled in: a resource that names outlier detection means Istio's defaults, not ours. */
function outlierPolicy(outlier: OutlierDetection): OutlierPolicy {
  const baseEjectionMs = parseDurationMs(outlier.baseEjectionTime ?? '30s');
  return {
    consecutive5xx: outlier.consecutive5xxErrors ?? 5,
    consecutiveGatewayErrors: outlier.consecutiveGatewayErrors ?? 0,
    consecutiveLocalFailures: outlier.consecutiveLocalOriginFailures ?? 5,
    splitLocalFailures: outlier.splitExternalLocalOriginErrors ?? false,
    intervalMs: parseDurationMs(outlier.interval ?? '10s'),
    baseEjectionMs,
    // Istio switches these of Envoy's off.
    successRateFactor: 0,
    failureRatio: 0,
    rateMinEndpoints: 5,
    rateMinRequests: 100,
    probeIntervalMs: 0,
    probePath: '/healthz',
    // Envoy's cap: 300 s, or the base where that is longer.
    maxEjectionMs: Math.max(300_000, baseEjectionMs),
    maxEjectedRatio: (outlier.maxEjectionPercent ?? 10) / 100,
    minHealthyRatio: (outlier.minHealthPercent ?? 0) / 100,
  };
}

/** Envoy counts retries at once and ours counts them a second; the share is the same. */
function budgetPolicy(budget: RetryBudget): Partial<RetryBudgetPolicy> {
  const ttlMs = parseDurationMs(budget.budgetInterval ?? '0s');
  return {
    ratio: (budget.percent ?? 20) / 100,
    minPerSecond: budget.minRetryConcurrency ?? 3,
    ...(ttlMs === 0 ? {} : { ttlMs }),
  };
}

const tlsModes: ReadonlyMap<string, UpstreamTlsPolicy['mode']> = new Map([
  ['DISABLE', 'disable'],
  ['SIMPLE', 'simple'],
  ['MUTUAL', 'mutual'],
  ['ISTIO_MUTUAL', 'mesh'],
]);

function tlsPolicy(tls: ClientTlsSettings): UpstreamTlsPolicy {
  const mode = tlsModes.get(tls.mode ?? 'DISABLE');
  // Guessing here could mean plain text.
  if (mode === undefined) throw invalidResource('/tls/mode', `unknown TLS mode ${tls.mode}`);
  return {
    mode,
    ...(tls.sni === undefined ? {} : { sni: tls.sni }),
    ...(tls.subjectAltNames === undefined ? {} : { subjectAltNames: tls.subjectAltNames }),
    ...(tls.caCertificates === undefined ? {} : { caFile: tls.caCertificates }),
    ...(tls.clientCertificate === undefined ? {} : { certFile: tls.clientCertificate }),
    ...(tls.privateKey === undefined ? {} : { keyFile: tls.privateKey }),
    ...(tls.insecureSkipVerify === undefined ? {} : { insecureSkipVerify: tls.insecureSkipVerify }),
  };
}
