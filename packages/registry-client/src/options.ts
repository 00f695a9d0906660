import {
  type Clock,
  type CredentialSource,
  type Logger,
  MeshError,
  type Observer,
  type Random,
  type ServiceName,
  silentLogger,
  systemClock,
} from '@inmesh/core';

/** How a process reaches its registry. Durations are milliseconds, above 0 and at most a day unless said. */
export interface RegistryClientOptions {
  /** One or several `http(s)://host:port` addresses of one registry; each client starts at one of its own. */
  readonly servers: string | readonly string[];
  /** Who this is, for people that look at the registry: at most 200 characters. @default `node/<pid>` */
  readonly client?: string;
  /** The service that this process is of; reports need it. @default none */
  readonly service?: ServiceName;
  /** Whether to follow the mesh's configuration (`client.config`). @default false */
  readonly followConfig?: boolean;
  /** Where the last good lists and the configuration are kept, to start from while the registry is away. @default none */
  readonly snapshotFile?: string;
  /** Lists in the file older than this are not used. @default 259_200_000 (three days: a long weekend) */
  readonly snapshotMaxAgeMs?: number;
  /** What this process proves itself with at an `https://` registry, which has to prove itself by the same trust. @default none */
  readonly credentials?: CredentialSource;
  /** Headers for every request, asked each time: a bearer token that rotates. @default none */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** For one request to the registry, up to the end of its answer. @default 5_000 */
  readonly requestTimeoutMs?: number;
  /** What `start()` waits for a registry or a snapshot. @default 10_000 */
  readonly startTimeoutMs?: number;
  /** What `close()` waits for the registry to take the goodbye. @default 1_000 */
  readonly closeTimeoutMs?: number;
  /** Upper end of the first wait before reconnecting; the wait is uniform from 0. @default 1_000 */
  readonly reconnectInitialMs?: number;
  /** Upper end of the longest wait: how long after its return the registry has everybody back. @default 5_000 */
  readonly reconnectMaxMs?: number;
  /**
   * For how long an endpoint that was removed while `up` is kept in the list as `draining`, so that
   * one that comes right back keeps its state. 0 removes at once.
   * @default 1_000
   */
  readonly flapHoldMs?: number;
  /** Longest frame that the stream may carry, in characters: one service's whole list. @default 33_554_432 */
  readonly maxFrameLength?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly observer?: Observer;
}

/** A registry server's address, taken apart once. */
export interface RegistryServer {
  /** `http://127.0.0.1:8761`, for connecting. */
  readonly origin: string;
  /** The path before `/v1`, without a slash at its end; usually ''. */
  readonly prefix: string;
}

export interface ResolvedOptions
  extends Readonly<
    Required<Omit<RegistryClientOptions, 'servers' | 'snapshotFile' | 'service' | 'credentials'>>
  > {
  readonly servers: readonly RegistryServer[];
  readonly snapshotFile: string | undefined;
  readonly service: ServiceName | undefined;
  readonly credentials: CredentialSource | undefined;
}

const dayMs = 86_400_000;
const noHeaders = (): Record<string, string> => ({});

/** Checks the options and fills in the defaults. Throws `invalid_argument`. */
export function resolveOptions(options: RegistryClientOptions): ResolvedOptions {
  const client = options.client ?? `node/${process.pid}`;
  if (typeof client !== 'string' || client === '' || client.length > 200) {
    throw invalid(`client must be 1 to 200 characters, got ${JSON.stringify(client)}`);
  }
  const reconnectInitialMs = within('reconnectInitialMs', options.reconnectInitialMs ?? 1_000);
  const reconnectMaxMs = within('reconnectMaxMs', options.reconnectMaxMs ?? 5_000);
  if (reconnectMaxMs < reconnectInitialMs) {
    throw invalid(
      `reconnectMaxMs must be at least reconnectInitialMs (${reconnectInitialMs}), got ${reconnectMaxMs}`,
    );
  }
  return Object.freeze({
    servers: resolveServers(options.servers),
    client,
    followConfig: options.followConfig ?? false,
    snapshotFile: options.snapshotFile,
    service: options.service,
    snapshotMaxAgeMs: within(
      'snapshotMaxAgeMs',
      options.snapshotMaxAgeMs ?? 3 * dayMs,
      1,
      365 * dayMs,
    ),
    credentials: options.credentials,
    headers: options.headers ?? noHeaders,
    requestTimeoutMs: within('requestTimeoutMs', options.requestTimeoutMs ?? 5_000),
    startTimeoutMs: within('startTimeoutMs', options.startTimeoutMs ?? 10_000),
    closeTimeoutMs: within('closeTimeoutMs', options.closeTimeoutMs ?? 1_000),
    reconnectInitialMs,
    reconnectMaxMs,
    flapHoldMs: within('flapHoldMs', options.flapHoldMs ?? 1_000, 0),
    maxFrameLength: within('maxFrameLength', options.maxFrameLength ?? 2 ** 25, 1_024, 2 ** 28),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  });
}

/** Throws `invalid_argument`. */
export function resolveServers(servers: string | readonly string[]): readonly RegistryServer[] {
  const addresses = [...new Set(typeof servers === 'string' ? [servers] : servers)];
  if (addresses.length < 1 || addresses.length > 16) {
    throw invalid(`servers must be 1 to 16 addresses, got ${addresses.length}`);
  }
  return Object.freeze(addresses.map(resolveServer));
}

function resolveServer(address: string): RegistryServer {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalid(`servers must be http:// or https:// addresses, got ${JSON.stringify(address)}`);
  }
  if (url.username !== '' || url.password !== '') {
    // The address is logged and shown: a secret in it would be, too. It is not repeated here either.
    throw invalid(
      `servers must not carry credentials (${url.host}): send them by the headers option`,
    );
  }
  if (url.search !== '' || url.hash !== '') {
    throw invalid(`servers must have no query and no fragment, got ${JSON.stringify(address)}`);
  }
  return Object.freeze({ origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') });
}

function within(name: string, value: number, min = 1, max = dayMs): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw invalid(`${name} must be within ${min}..${max}, got ${value}`);
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `registry client: ${message}`);
}
