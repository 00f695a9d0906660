// Over 250 lines: one table, a row an option, from which environment, checks and docs are made.
import { resilienceOptionRows } from './resilience/resilience-option-table.ts';

/** How an option's text in the environment becomes a value. */
export type OptionKind =
  | 'text'
  | 'label'
  | 'list'
  | 'signals'
  | 'map'
  | 'json'
  | 'boolean'
  | 'locality'
  | 'balancer'
  | { readonly oneOf: readonly string[] }
  | { readonly listOf: readonly string[] }
  | { readonly integer: readonly [min: number, max: number] }
  | { readonly number: readonly [min: number, max: number] }
  | { readonly ratio: true }
  | { readonly durationMs: readonly [min: number, max: number] };

export interface OptionRow {
  /** Where it stands in `MeshOptions` or `ListenOptions`; dots go one level down. */
  readonly path: string;
  readonly kind: OptionKind;
  /** As the docs show it; '' is none. */
  readonly defaultText: string;
  readonly text: string;
}

const day = 86_400_000;
const count = { integer: [1, 1_000_000] } as const;
const countOrOff = { integer: [0, 1_000_000] } as const;
const duration = { durationMs: [1, day] } as const;
const durationOrOff = { durationMs: [0, day] } as const;
const ratio = { ratio: true } as const;

function rows(
  ...list: readonly (readonly [string, OptionKind, string, string])[]
): readonly OptionRow[] {
  return list.map(([path, kind, defaultText, text]) => ({ path, kind, defaultText, text }));
}

const generalRows = rows(
  ['service', 'label', '', "This process' service name. Required."],
  ['namespace', 'label', 'default', 'Its namespace.'],
  ['version', 'text', '', 'Its version; becomes the label `version`.'],
  ['labels', 'map', '{}', 'Labels that subsets select by: `a=b,c=d`.'],
  ['metadata', 'map', '{}', 'Free text for people and adapters.'],
  [
    'serviceAccount',
    'label',
    'default',
    'The account it runs as: with the namespace its identity.',
  ],
  ['locality', 'locality', '', 'Where it runs: `region/zone/subzone`.'],
  ['weight', { integer: [1, 1000] }, '1', 'Relative share of traffic of its endpoints.'],
  [
    'registry',
    'list',
    '',
    'Registry servers, separated by commas; or `eureka+http://…/eureka`, or `kubernetes:`.',
  ],
  ['endpoints', 'json', '{}', 'Fixed services: `{"reviews":[{"port":9080}]}`.'],
  [
    'startTimeoutMs',
    duration,
    '10000',
    'Wait for the registry at the start, when there is no snapshot.',
  ],
  ['startDegraded', 'boolean', 'false', 'Start without registry and snapshot.'],
  [
    'snapshotFile',
    'text',
    "below the user's cache folder",
    'Where the last known endpoints and configuration are kept; `false` keeps none.',
  ],
  ['identity.joinToken', 'text', '', 'Gets the first certificate from the registry.'],
  ['identity.joinTokenFile', 'text', '', 'A file that holds the join token.'],
  [
    'identity.kubernetesTokenFile',
    'text',
    '',
    "A projected service account token, for the registry's audience.",
  ],
  [
    'identity.registryFingerprint',
    'text',
    '',
    "SHA-256 of the registry's root, where no join token says it.",
  ],
  ['identity.certFile', 'text', '', 'Certificate of an outside authority: PEM, the leaf first.'],
  ['identity.keyFile', 'text', '', 'Its private key: PEM, not encrypted.'],
  ['identity.bundleFile', 'text', '', "The trust domain's authorities: PEM, or SPIFFE's JWKS."],
  ['identity.minVersion', { oneOf: ['TLSv1.2', 'TLSv1.3'] }, 'TLSv1.3', 'Oldest TLS spoken.'],
  [
    'identity.maxConnectionAgeMs',
    duration,
    '3600000',
    'A connection of a verified peer is closed after a response when it is older.',
  ],
  ['trustDomain', 'text', 'cluster.local', "The mesh's identities live under it."],
  [
    'minTls',
    { oneOf: ['none', 'mutual'] },
    'none',
    '`mutual` never calls a service of the mesh in plain text.',
  ],
  ['rootNamespace', 'label', 'istio-system', 'Security resources in it hold for all.'],
  ['trustedProxies', 'list', '[]', 'Addresses and CIDRs whose `x-forwarded-*` is believed.'],
  ['identityHeaders', 'list', '[]', 'Headers that only these proxies may send.'],
  [
    'privateIssuers',
    'list',
    '[]',
    'Hosts whose token keys may be in a private network or come over plain http.',
  ],
  ['tellRefusals', 'boolean', 'false', 'Tell refused callers which policy and rule refused them.'],
  [
    'serviceTokens',
    'boolean',
    'false',
    'Prove calls by service tokens where TLS ends before the callee, and take such tokens.',
  ],
  [
    'passOnTokens',
    'boolean',
    'false',
    "Carry the end user's verified token on to services of the mesh.",
  ],
  ['domain', 'text', 'cluster.local', "The mesh's domain."],
  ['namespaces', 'list', '[]', 'Further namespaces that `name.namespace` may mean.'],
  [
    'outbound',
    { oneOf: ['allow-any', 'registry-only'] },
    'allow-any',
    'What happens to names outside the mesh.',
  ],
  [
    'explainHeader',
    'boolean',
    'false',
    'Answer calls that carry `inmesh-explain` with the reason of their route in that header.',
  ],
  ['timeoutMs', durationOrOff, '10000', 'A whole call with all its tries; 0 is none.'],
  [
    'maxBodyBytes',
    { integer: [1, 2 ** 31 - 1] },
    '16777216',
    'Largest body that `request` buffers.',
  ],
  [
    'sourceWaitMs',
    duration,
    '5000',
    'Wait for the first list of a service that was never called before.',
  ],
  ['reports', 'boolean', 'true', 'Tell the registry of calls and state, for the call graph.'],
  ['tap.enabled', 'boolean', 'true', 'Show live calls to operators (`inmesh tap`).'],
  [
    'tap.headers',
    'list',
    'accept,content-type,user-agent,x-request-id',
    'Request headers that they see; credentials are refused.',
  ],
  ['samplingRatio', ratio, '0', 'Share of the traces begun here that are sampled.'],
  [
    'propagation',
    { listOf: ['w3c', 'b3', 'b3-multi'] },
    'w3c',
    'Headers that traces are read from and passed on in.',
  ],
  [
    'metrics.port',
    { integer: [0, 65535] },
    '',
    'Port for `/metrics` and `/hystrix.stream`; 0 picks a free one, without it there is none.',
  ],
  ['metrics.host', 'text', '127.0.0.1', 'Address of that port.'],
  ['accessLog.file', 'text', '', 'JSON lines of calls and requests; `-` is the standard output.'],
  ['accessLog.sampleRatio', ratio, '1', 'Share of good ones that is logged; failures always are.'],
  [
    'accessLog.maxBytes',
    { integer: [1024, 2 ** 30] },
    '52428800',
    'A file that grew so large is set aside.',
  ],
  ['accessLog.maxFiles', { integer: [1, 1000] }, '5', 'Files set aside; older ones are deleted.'],
  ['accessLog.compress', 'boolean', 'false', 'Compress files set aside.'],
  [
    'statsd.host',
    'text',
    '127.0.0.1',
    'IP address of a StatsD server; any of these switches it on.',
  ],
  ['statsd.port', { integer: [1, 65535] }, '8125', 'Its port.'],
  ['statsd.prefix', 'text', 'inmesh', 'Before every name.'],
  ['statsd.tags', { oneOf: ['none', 'dogstatsd'] }, 'none', 'Labels as tags, or in the name.'],
  ['statsd.flushEveryMs', { durationMs: [1000, 3_600_000] }, '10000', 'How often it is sent to.'],
  ['balancer', 'balancer', 'peak-ewma', 'peak-ewma, least-request, round-robin or random.'],
  ['pool.maxConnections', count, '64', 'Connections per endpoint.'],
  ['pool.maxRequests', count, '1024', 'Calls in flight per destination.'],
  ['pool.maxPending', countOrOff, '1024', 'Calls waiting for a place, per destination.'],
  ['pool.connectTimeoutMs', duration, '10000', 'Longest connect, TLS included.'],
  ['pool.idleTimeoutMs', duration, '60000', 'Idle connections close after it.'],
  ['pool.maxRequestsPerConnection', countOrOff, '0', '0 is no limit; 1 switches keep-alive off.'],
  [
    'pool.maxConnectionAgeMs',
    durationOrOff,
    '0',
    'Older connections take no new request; 0 is no limit.',
  ],
  [
    'outlier.consecutive5xx',
    countOrOff,
    '5',
    '5xx answers in a row that eject an endpoint; 0 never.',
  ],
  ['outlier.consecutiveGatewayErrors', countOrOff, '0', 'The same for 502, 503 and 504.'],
  [
    'outlier.consecutiveLocalFailures',
    countOrOff,
    '',
    'Failures before any answer in a row that eject.',
  ],
  ['outlier.splitLocalFailures', 'boolean', '', 'Whether those are counted apart.'],
  ['outlier.intervalMs', duration, '10000', 'Sweep that restores endpoints.'],
  [
    'outlier.baseEjectionMs',
    duration,
    '30000',
    'Ejection time, multiplied by how often it happened.',
  ],
  ['outlier.maxEjectionMs', duration, '300000', 'Longest ejection.'],
  [
    'outlier.successRateFactor',
    { number: [0, 100] },
    '1.9',
    'Ejects who fails so many standard deviations more than the mean; 0 never.',
  ],
  ['outlier.failureRatio', ratio, '0.85', 'Ejects who fails that share of its requests; 0 never.'],
  ['outlier.rateMinEndpoints', count, '5', 'Both need so many endpoints,'],
  ['outlier.rateMinRequests', count, '100', 'each with so many requests in 5 to 10 seconds.'],
  [
    'outlier.probeIntervalMs',
    durationOrOff,
    '0',
    'How often ejected endpoints are asked whether they are well; 0 never.',
  ],
  ['outlier.probePath', 'text', '/healthz', 'What they are asked for.'],
  ['outlier.maxEjectedRatio', ratio, '0.5', 'Largest share of endpoints ejected at once.'],
  ['outlier.minHealthyRatio', ratio, '0.5', 'Below it all endpoints are used (panic).'],
  ['breaker.minCalls', count, '20', 'Calls in the window before the breaker may open.'],
  ['breaker.failureRatio', ratio, '0.5', 'Share of failures that opens it.'],
  ['breaker.windowMs', duration, '10000', 'Length of the window.'],
  ['breaker.sleepMs', duration, '5000', 'How long it stays open before a probe.'],
  ['breaker.probes', count, '1', 'Probes at once while half-open.'],
  ['breaker.successesToClose', count, '1', 'Successful probes that close it.'],
  ['retry.maxRetries', { integer: [0, 10] }, '2', 'Further tries at most.'],
  ['retry.perTryTimeoutMs', durationOrOff, '0', 'Longest single try; 0 is none but the call’s.'],
  [
    'retry.backoffBaseMs',
    duration,
    '25',
    'First mean wait between tries, doubled each time, with full jitter.',
  ],
  ['retry.backoffMaxMs', duration, '250', 'Longest wait.'],
  ['retry.avoidTried', 'boolean', 'true', 'Try another endpoint while there is one.'],
  ['retry.nonIdempotent', 'boolean', 'false', 'Repeat a POST that may have been processed.'],
  ['retryBudget.ratio', ratio, '0.2', 'Retries per call, over all calls to a destination.'],
  [
    'retryBudget.minPerSecond',
    countOrOff,
    '10',
    'Retries a second that are allowed even where the share is less.',
  ],
  ['retryBudget.ttlMs', duration, '10000', 'How long a call counts towards the budget.'],
);

/**
 * Every option that can be said as text: the one place for its environment variable, its limits,
 * its default as documented and its line in `docs/reference/options.md`.
 */
export const meshOptionTable: readonly OptionRow[] = [...generalRows, ...resilienceOptionRows];

export const listenOptionTable: readonly OptionRow[] = rows(
  ['port', { integer: [0, 65535] }, '0', 'Port to listen on; 0 picks a free one.'],
  ['host', 'text', '127.0.0.1', 'Address to listen on.'],
  ['advertise', 'text', 'the address listened on', 'Address that others reach it at.'],
  [
    'servicePort',
    { integer: [1, 65535] },
    '',
    'Port that callers write in URLs, when it is another.',
  ],
  ['drainOn', 'signals', 'SIGTERM', 'Signals that drain and end the process; empty for none.'],
  [
    'propagationMs',
    durationOrOff,
    '1000',
    'After deregistering, how long requests are still taken.',
  ],
  ['drainTimeoutMs', durationOrOff, '25000', 'How long requests in flight may take to finish.'],
  ['probe', 'text', '', 'Path that the registry probes.'],
);

/** `breaker.failureRatio` → `INMESH_BREAKER_FAILURE_RATIO`. */
export function environmentName(path: string): string {
  const words = path.replace(/[.]/g, '_').replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return `INMESH_${words.toUpperCase()}`;
}
