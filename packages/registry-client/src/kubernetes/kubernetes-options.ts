import {
  type Clock,
  type Logger,
  MeshError,
  type Observer,
  type Random,
  silentLogger,
  systemClock,
} from '@inmesh/core';

/** How a process reads its endpoints from Kubernetes. Durations are milliseconds. */
export interface KubernetesSourceOptions {
  /** The API server's `https://` address. @default that of the cluster that this process runs in */
  readonly apiServer?: string;
  /** Read anew for every request: the token in it is replaced about each hour. @default the pod's own */
  readonly tokenFile?: string;
  /** The CA that signed the API server's certificate. @default the pod's own */
  readonly caFile?: string;
  /** For one request, and for the head of a watch. @default 5_000 */
  readonly requestTimeoutMs?: number;
  /** After it the API server ends a watch, which goes on with another. @default 300_000 */
  readonly watchTimeoutMs?: number;
  /** What `start()` waits for the API server. @default 10_000 */
  readonly startTimeoutMs?: number;
  /** @default 1_000 */
  readonly reconnectInitialMs?: number;
  /** @default 30_000 */
  readonly reconnectMaxMs?: number;
  /** @default systemClock */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly observer?: Observer;
}

export interface ResolvedKubernetesOptions
  extends Readonly<Required<Omit<KubernetesSourceOptions, 'caFile' | 'tokenFile'>>> {
  /** `undefined` where there is none to send, as behind `kubectl proxy`. */
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
}

const podFiles = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Throws `invalid_argument` for what cannot be, and outside a cluster without `apiServer`. */
export function resolveKubernetesOptions(
  options: KubernetesSourceOptions,
  env: Readonly<Record<string, string | undefined>>,
): ResolvedKubernetesOptions {
  const inCluster = options.apiServer === undefined;
  const apiServer = options.apiServer ?? clusterAddress(env);
  if (!URL.canParse(apiServer) || !/^https?:\/\/[^/?#@]+\/?$/.test(apiServer)) {
    throw invalid(`apiServer must be an http(s):// address, got ${JSON.stringify(apiServer)}`);
  }
  return Object.freeze({
    apiServer: new URL(apiServer).origin,
    tokenFile: options.tokenFile ?? (inCluster ? `${podFiles}/token` : undefined),
    caFile: options.caFile ?? (inCluster ? `${podFiles}/ca.crt` : undefined),
    requestTimeoutMs: within('requestTimeoutMs', options.requestTimeoutMs ?? 5_000),
    watchTimeoutMs: within('watchTimeoutMs', options.watchTimeoutMs ?? 300_000, 1_000),
    startTimeoutMs: within('startTimeoutMs', options.startTimeoutMs ?? 10_000),
    reconnectInitialMs: within('reconnectInitialMs', options.reconnectInitialMs ?? 1_000),
    reconnectMaxMs: within('reconnectMaxMs', options.reconnectMaxMs ?? 30_000),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  });
}

function clusterAddress(env: Readonly<Record<string, string | undefined>>): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === undefined) {
    throw invalid(
      'this process runs in no cluster (KUBERNETES_SERVICE_HOST is not set): say apiServer',
    );
  }
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function within(name: string, value: number, min = 1): number {
  if (typeof value === 'number' && value >= min && value <= 3_600_000) return value;
  throw invalid(`${name} must be within ${min}..3600000, got ${value}`);
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `kubernetes: ${message}`);
}
