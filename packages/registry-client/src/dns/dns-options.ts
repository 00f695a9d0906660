import {
  type Clock,
  type Logger,
  maxTimerDelayMs,
  type Observer,
  type Random,
  silentLogger,
  systemClock,
} from '@inmesh/core';
import { type DnsName, invalid, resolveNames, type WhereIs } from './dns-names.ts';
import { type DnsResolver, systemResolver } from './dns-resolver.ts';

/** How a process reads its endpoints from DNS. Durations are milliseconds. */
export interface DnsSourceOptions {
  /** By the name that callers write: `orders`, or `orders.prod`. At least one, unless there is a `pattern`. */
  readonly services?: Readonly<Record<string, DnsName>>;
  /**
   * Where all others are: in its `host` or `srv` stands `{service}` for the service's name, and
   * `{namespace}` for its namespace; without the latter it is for one namespace, this process' own.
   * @default nowhere
   */
  readonly pattern?: DnsName;
  /** Of services that are named without one, and of a `pattern` without one. @default 'default' */
  readonly namespace?: string;
  /** A name is not asked for again before it, whatever its time to live. @default 1_000 */
  readonly minRefreshMs?: number;
  /** But at the latest after it; SRV records, whose time to live Node does not tell, always. @default 30_000 */
  readonly maxRefreshMs?: number;
  /** How long a list is kept that DNS says is gone; one that DNS cannot be asked about is kept for ever. @default 300_000 */
  readonly goneHoldMs?: number;
  /** What `start()` waits for the first lists. @default 10_000 */
  readonly startTimeoutMs?: number;
  /** Addresses, with or without a port: `127.0.0.1:8600`, `[::1]:53`. @default those of this machine */
  readonly nameServers?: readonly string[];
  /** Asks in place of them. @default a resolver that asks `nameServers` */
  readonly resolver?: DnsResolver;
  /** @default systemClock */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Hears `registry-lost` while DNS has never answered, and `registry-found`. */
  readonly observer?: Observer;
}

type Named = 'services' | 'pattern' | 'namespace' | 'nameServers';

export interface ResolvedDnsOptions extends Readonly<Required<Omit<DnsSourceOptions, Named>>> {
  readonly whereIs: WhereIs;
}

const queryTimeoutMs = 2_000;

/** Throws `invalid_argument`. */
export function resolveDnsOptions(options: DnsSourceOptions): ResolvedDnsOptions {
  const minRefreshMs = within('minRefreshMs', options.minRefreshMs ?? 1_000, 1);
  return Object.freeze({
    whereIs: resolveNames(options),
    minRefreshMs,
    maxRefreshMs: within('maxRefreshMs', options.maxRefreshMs ?? 30_000, minRefreshMs),
    goneHoldMs: within('goneHoldMs', options.goneHoldMs ?? 300_000, 0),
    startTimeoutMs: within('startTimeoutMs', options.startTimeoutMs ?? 10_000, 1),
    resolver: options.resolver ?? askServers(options.nameServers),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  });
}

function askServers(nameServers: readonly string[] | undefined): DnsResolver {
  try {
    return systemResolver(queryTimeoutMs, nameServers);
  } catch (error) {
    throw invalid(`nameServers: ${(error as Error).message}; write 127.0.0.1:8600 or [::1]:8600`);
  }
}

function within(name: string, value: number, min: number): number {
  if (typeof value === 'number' && value >= min && value <= maxTimerDelayMs) return value;
  throw invalid(`${name} must be within ${min}..${maxTimerDelayMs}, got ${value}`);
}
