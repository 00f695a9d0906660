import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import {
  type Clock,
  type Logger,
  MeshError,
  maxTimerDelayMs,
  silentLogger,
  systemClock,
} from '@inmesh/core';
import {
  type EurekaOptions,
  type ResolvedEurekaOptions,
  resolveEurekaOptions,
} from './eureka/eureka-options.ts';
import { isLoopback } from './http/request-guard.ts';
import {
  type RegistrySecurityOptions,
  type ResolvedSecurity,
  resolveSecurity,
} from './security/options.ts';
import {
  defaultSelfPreservation,
  type SelfPreservationOptions,
} from './state/self-preservation.ts';
import type { SharedStore } from './store/shared-store.ts';

/** What one client, or all together, may take. Beyond a limit the answer is a problem, never a slow server. */
export interface RegistryLimits {
  /** @default 100_000 */
  readonly sessions: number;
  /** Of one workload identity, over all its processes. @default 10_000 */
  readonly sessionsPerIdentity: number;
  /** Of one identity, over all its processes; bursts take twice as many. @default 5_000 */
  readonly requestsPerSecond: number;
  /** Of one address without a proof, or with one that does not hold; bursts take five times as many. @default 20 */
  readonly strangerRequestsPerSecond: number;
  /** @default 1_000 */
  readonly registrationsPerSession: number;
  /** Of one service, over all sessions and doors. @default 20_000 */
  readonly endpointsPerService: number;
  /** Services that one session may follow. @default 1_000 */
  readonly subscriptionsPerSession: number;
  /** Open watch streams. @default 20_000 */
  readonly watchers: number;
  /** What may wait in one stream before changes are told whole instead of one by one. @default 1_048_576 */
  readonly watchQueueBytes: number;
  /** Of a request's body. @default 262_144 */
  readonly bodyBytes: number;
  /** Of the body that applies resources. @default 8_388_608 */
  readonly applyBytes: number;
  /** Resources that are stored. @default 20_000 */
  readonly resources: number;
  /** All resources together, as JSON: each client holds them, and takes frames of 32 MiB. @default 16_777_216 */
  readonly configBytes: number;
  /** Until a request's head must be here; its body has three times as long. @default 10_000 */
  readonly headerTimeoutMs: number;
  /** Open connections from one address; more are closed at once. @default 20_000 */
  readonly connectionsPerPeer: number;
  /** Edges of the call graph, and versions in it, each; about 20 KB an edge with traffic in every second. @default 10_000 */
  readonly graphEdges: number;
  /** Open streams of the call graph. @default 100 */
  readonly graphStreams: number;
  /** Operators' looks at live calls (`inmesh tap`) at once. @default 10 */
  readonly taps: number;
  /** Health probes under way at once. @default 64 */
  readonly concurrentProbes: number;
  /** Requests for certificates that are signed or wait for it; more are answered with 503. @default 1_000 */
  readonly waitingCertificates: number;
}

export interface RegistryServerOptions {
  /** Addresses other than loopback are refused without `security`. @default '127.0.0.1' */
  readonly host?: string;
  /** 0 takes any free one. @default 8761 */
  readonly port?: number;
  /** Where resources and status overrides are kept, in a file `registry.json`, unless there is a `store`. @default nowhere: they end with the process */
  readonly dataDir?: string;
  /**
   * What several servers share instead of a data directory (`createEtcdStore`); the server closes it.
   * @default a store of this server's own
   */
  readonly store?: SharedStore;
  /** This server among those that share its store; no two may have the same. @default the host's name and something random */
  readonly name?: string;
  /** How long this server may be silent before others take over what is connected to it. At least 1,000. @default two thirds of sessionTtlMs */
  readonly serverLeaseMs?: number;
  /** Names besides `localhost` and loopback addresses that clients may use in URLs. @default [] */
  readonly allowedHosts?: readonly string[];
  /** A session that is silent for so long ends. At least 300. @default 15_000 */
  readonly sessionTtlMs?: number;
  /** How long clients keep what they had after this server came up empty; 0 for not at all. @default sessionTtlMs */
  readonly settleMs?: number;
  /** How long an endpoint that deregistered is shown as draining before it is removed. @default 1_000 */
  readonly removalHoldMs?: number;
  /** Changes that follow another within it are told together; while the server settles, at least 250. @default 5 */
  readonly mergeMs?: number;
  /** Silence on a watch stream is broken this often. @default 5_000 */
  readonly keepAliveMs?: number;
  /** How long `close` waits for requests under way. @default 5_000 */
  readonly closeTimeoutMs?: number;
  readonly selfPreservation?: Partial<SelfPreservationOptions>;
  /** Speak Eureka's protocol too, on `/eureka`. @default false */
  readonly eureka?: boolean | EurekaOptions;
  /** TLS, and a proof of who asks at every door; `{}` is enough. @default none: everybody on this machine is an operator */
  readonly security?: RegistrySecurityOptions;
  readonly limits?: Partial<RegistryLimits>;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default silentLogger */
  readonly logger?: Logger;
}

/** The options with every default filled in. */
export type ResolvedOptions = Readonly<
  Required<
    Omit<
      RegistryServerOptions,
      'dataDir' | 'store' | 'eureka' | 'limits' | 'security' | 'selfPreservation'
    >
  >
> & {
  readonly eureka: ResolvedEurekaOptions | undefined;
  readonly dataDir: string | undefined;
  readonly security: ResolvedSecurity | undefined;
  readonly store: SharedStore | undefined;
  readonly limits: RegistryLimits;
  readonly selfPreservation: SelfPreservationOptions;
};

const defaultLimits: RegistryLimits = Object.freeze({
  sessions: 100_000,
  sessionsPerIdentity: 10_000,
  requestsPerSecond: 5_000,
  strangerRequestsPerSecond: 20,
  registrationsPerSession: 1_000,
  endpointsPerService: 20_000,
  subscriptionsPerSession: 1_000,
  watchers: 20_000,
  watchQueueBytes: 1_048_576,
  bodyBytes: 262_144,
  applyBytes: 8_388_608,
  resources: 20_000,
  configBytes: 16_777_216,
  headerTimeoutMs: 10_000,
  connectionsPerPeer: 20_000,
  graphEdges: 10_000,
  graphStreams: 100,
  taps: 10,
  concurrentProbes: 64,
  waitingCertificates: 1_000,
});

/** Throws `invalid_argument`, naming the option and its value. */
export function resolveOptions(options: RegistryServerOptions): ResolvedOptions {
  const { host = '127.0.0.1', port = 8761, sessionTtlMs = 15_000 } = options;
  const { security } = options;
  if (security === undefined && host !== 'localhost' && !isLoopback(host)) {
    throw new MeshError(
      'invalid_argument',
      `registry: host ${JSON.stringify(host)} is not a loopback address; without authentication (the option security) the registry listens on 127.0.0.1, ::1 or localhost only`,
    );
  }
  within('port', port, 0, 65_535);
  within('sessionTtlMs', sessionTtlMs, 300, maxTimerDelayMs);
  const durations = {
    settleMs: options.settleMs ?? sessionTtlMs,
    removalHoldMs: options.removalHoldMs ?? 1_000,
    mergeMs: options.mergeMs ?? 5,
    closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
  };
  for (const [name, value] of Object.entries(durations)) within(name, value, 0, maxTimerDelayMs);
  const { keepAliveMs = 5_000, name = defaultName() } = options;
  const serverLeaseMs =
    options.serverLeaseMs ?? Math.max(1_000, Math.round((2 / 3) * sessionTtlMs));
  within('serverLeaseMs', serverLeaseMs, 1_000, maxTimerDelayMs);
  if (!/^[\w.-]{1,100}$/.test(name)) {
    throw new MeshError(
      'invalid_argument',
      `registry: name must be 1 to 100 letters, digits and . _ -, got ${JSON.stringify(name)}`,
    );
  }
  if (security?.visibility === 'callable' && (options.eureka ?? false) !== false) {
    throw new MeshError(
      'invalid_argument',
      "registry: eureka and security.visibility 'callable' exclude each other: Eureka's lists are the same for all",
    );
  }
  // Clients watch for silence by it: they take no stream that promises less than one sign in ten minutes.
  within('keepAliveMs', keepAliveMs, 10, 600_000);
  const limits = Object.freeze({ ...defaultLimits, ...options.limits });
  for (const [name, value] of Object.entries(limits))
    within(`limits.${name}`, value, 1, maxTimerDelayMs);
  return Object.freeze({
    host,
    port,
    dataDir: options.dataDir,
    security: security && resolveSecurity(security, options.store !== undefined),
    store: options.store,
    name,
    serverLeaseMs,
    allowedHosts: (options.allowedHosts ?? []).map((name) => name.toLowerCase()),
    sessionTtlMs,
    ...durations,
    keepAliveMs,
    eureka: resolveEurekaOptions(options.eureka ?? false, durations.settleMs),
    selfPreservation: resolveSelfPreservation(options.selfPreservation),
    limits,
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
  });
}

/** Tells servers of one host apart, and one from the run before it, whose lease may not have ended yet. */
function defaultName(): string {
  return `${hostname()
    .replace(/[^\w.-]/g, '-')
    .slice(0, 80)}-${randomBytes(4).toString('hex')}`;
}

function resolveSelfPreservation(
  options: Partial<SelfPreservationOptions> | undefined,
): SelfPreservationOptions {
  const resolved = Object.freeze({ ...defaultSelfPreservation, ...options });
  const { minSessions, silentRatio, maxTtls } = resolved;
  within('selfPreservation.minSessions', minSessions, 1, Number.MAX_SAFE_INTEGER);
  within('selfPreservation.maxTtls', maxTtls, 0, 1_000);
  if (!(silentRatio >= 0 && silentRatio <= 1)) {
    throw new MeshError(
      'invalid_argument',
      `registry: selfPreservation.silentRatio must be within 0..1, got ${silentRatio}`,
    );
  }
  return resolved;
}

function within(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new MeshError(
    'invalid_argument',
    `registry: ${name} must be a whole number within ${min}..${max}, got ${value}`,
  );
}
