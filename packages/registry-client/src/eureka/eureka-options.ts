import {
  type Clock,
  isLabel,
  type Logger,
  MeshError,
  type Observer,
  type Random,
  silentLogger,
  systemClock,
} from '@inmesh/core';

/** How a process joins an existing Eureka. Durations are milliseconds. */
export interface EurekaSourceOptions {
  /**
   * Addresses with Eureka's path: `http://user:password@eureka-1:8761/eureka`, asked in this order,
   * or such lists by zone, those of the own `zone` first.
   */
  readonly servers: string | readonly string[] | Readonly<Record<string, readonly string[]>>;
  /** Where this process runs. @default '' */
  readonly zone?: string;
  /** The namespace that Eureka's apps are in here: Eureka has none. @default 'default' */
  readonly namespace?: string;
  /** How often changes are fetched: how late a change is seen, at most. @default 30_000 */
  readonly fetchIntervalMs?: number;
  /** How often registrations are renewed; a lease lasts three times as long. @default 30_000 */
  readonly renewIntervalMs?: number;
  /** For one request, whole. @default 5_000 */
  readonly requestTimeoutMs?: number;
  /** What `start()` waits for the first list. @default 10_000 */
  readonly startTimeoutMs?: number;
  /** Keeps the lists there for the next start, which may be while no server answers. @default none */
  readonly snapshotFile?: string;
  /** Lists that are older are not taken from the file. @default 86_400_000 */
  readonly snapshotMaxAgeMs?: number;
  /** @default systemClock */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly observer?: Observer;
}

export interface EurekaServer {
  /** For people: without credentials. */
  readonly name: string;
  readonly origin: string;
  /** Without a slash at its end. */
  readonly path: string;
  readonly authorization: string | undefined;
}

export interface ResolvedEurekaOptions
  extends Readonly<Required<Omit<EurekaSourceOptions, 'servers' | 'snapshotFile'>>> {
  /** In the order in which they are asked. */
  readonly servers: readonly EurekaServer[];
  /** So many of them, the first ones, are as good as each other: those of the own zone, where there are any. */
  readonly ownServers: number;
  readonly snapshotFile: string | undefined;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Throws `invalid_argument`. */
export function resolveEurekaOptions(options: EurekaSourceOptions): ResolvedEurekaOptions {
  const { zone = '', namespace = 'default' } = options;
  if (!isLabel(namespace)) throw invalid(`namespace must be a label, got ${namespace}`);
  const { own, others } = byZone(options.servers, zone);
  const servers = [...own, ...others].map(resolveServer);
  if (servers.length < 1 || servers.length > 16) {
    throw invalid(`servers must be 1 to 16 addresses, got ${servers.length}`);
  }
  return Object.freeze({
    servers: Object.freeze(servers),
    ownServers: own.length === 0 ? servers.length : own.length,
    zone,
    namespace,
    fetchIntervalMs: within('fetchIntervalMs', options.fetchIntervalMs ?? 30_000),
    renewIntervalMs: within('renewIntervalMs', options.renewIntervalMs ?? 30_000),
    requestTimeoutMs: within('requestTimeoutMs', options.requestTimeoutMs ?? 5_000),
    startTimeoutMs: within('startTimeoutMs', options.startTimeoutMs ?? 10_000),
    snapshotFile: options.snapshotFile,
    snapshotMaxAgeMs: within('snapshotMaxAgeMs', options.snapshotMaxAgeMs ?? dayMs, 365 * dayMs),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  });
}

/** A list that names no zones is all of the own one. */
function byZone(
  servers: EurekaSourceOptions['servers'],
  zone: string,
): { readonly own: readonly string[]; readonly others: readonly string[] } {
  if (typeof servers === 'string') return { own: [servers], others: [] };
  if (Array.isArray(servers)) return { own: servers as readonly string[], others: [] };
  const zones = Object.entries(servers as Readonly<Record<string, readonly string[]>>);
  const of = (isWanted: (name: string) => boolean): string[] =>
    zones.filter(([name]) => isWanted(name)).flatMap(([, addresses]) => addresses);
  return { own: of((name) => name === zone), others: of((name) => name !== zone) };
}

function resolveServer(address: string): EurekaServer {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // Not repeated: it may hold a password.
    throw invalid('servers must be http:// or https:// addresses with Eureka’s path');
  }
  const path = url.pathname.replace(/\/+$/, '');
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return Object.freeze({
    name: `${url.origin}${path}`,
    origin: url.origin,
    path,
    authorization:
      credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`,
  });
}

function within(name: string, value: number, max = hourMs): number {
  if (typeof value === 'number' && value >= 1 && value <= max) return value;
  throw invalid(`${name} must be within 1..${max}, got ${value}`);
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `eureka: ${message}`);
}
