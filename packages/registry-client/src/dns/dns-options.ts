import {
  type Clock,
  checkLabel,
  type Logger,
  MeshError,
  maxTimerDelayMs,
  type Observer,
  type Random,
  type ServiceName,
  serviceName,
  silentLogger,
  systemClock,
} from '@inmesh/core';
import { type DnsResolver, systemResolver } from './dns-resolver.ts';

/** Where a service's endpoints are in DNS. */
export type DnsName =
  /** All addresses of a host, IPv4 and IPv6, at one port. */
  | { readonly host: string; readonly port: number }
  /** Hosts, ports and weights: `_http._tcp.orders.example.com`. Those of the lowest priority count. */
  | { readonly srv: string };

/** How a process reads its endpoints from DNS. Durations are milliseconds. */
export interface DnsSourceOptions {
  /** By the name that callers write: `orders`, or `orders.prod`. */
  readonly services: Readonly<Record<string, DnsName>>;
  /** A name is not asked for again before it, whatever its time to live. @default 1_000 */
  readonly minRefreshMs?: number;
  /** But at the latest after it; SRV records, whose time to live Node does not tell, always. @default 30_000 */
  readonly maxRefreshMs?: number;
  /** How long a list is kept that DNS says is gone; one that DNS cannot be asked about is kept for ever. @default 300_000 */
  readonly goneHoldMs?: number;
  /** What `start()` waits for the first lists. @default 10_000 */
  readonly startTimeoutMs?: number;
  /** @default the name servers of this machine */
  readonly resolver?: DnsResolver;
  /** @default systemClock */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Hears `registry-lost` while DNS has never answered, and `registry-found`. */
  readonly observer?: Observer;
}

export interface ResolvedDnsOptions extends Readonly<Required<Omit<DnsSourceOptions, 'services'>>> {
  readonly services: ReadonlyMap<ServiceName, DnsName>;
}

const maxServices = 1_000;
const queryTimeoutMs = 2_000;
/** A host name as DNS has it, with underscores for SRV; at most 253 characters. */
const hostShape = /^(?=.{1,253}\.?$)([\w]([\w-]{0,61}[\w])?\.)*[\w]([\w-]{0,61}[\w])?\.?$/;

/** Throws `invalid_argument`. */
export function resolveDnsOptions(options: DnsSourceOptions): ResolvedDnsOptions {
  const names = Object.entries(options.services);
  if (names.length < 1 || names.length > maxServices) {
    throw invalid(`services must name 1 to ${maxServices}, got ${names.length}`);
  }
  const minRefreshMs = within('minRefreshMs', options.minRefreshMs ?? 1_000, 1);
  return Object.freeze({
    services: new Map(names.map(([name, where]) => [checkService(name), checkWhere(name, where)])),
    minRefreshMs,
    maxRefreshMs: within('maxRefreshMs', options.maxRefreshMs ?? 30_000, minRefreshMs),
    goneHoldMs: within('goneHoldMs', options.goneHoldMs ?? 300_000, 0),
    startTimeoutMs: within('startTimeoutMs', options.startTimeoutMs ?? 10_000, 1),
    resolver: options.resolver ?? systemResolver(queryTimeoutMs),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  });
}

function checkService(text: string): ServiceName {
  const [name = '', namespace = 'default', ...rest] = text.split('.');
  checkLabel(name, 'service');
  checkLabel(namespace, 'namespace');
  if (rest.length === 0) return serviceName(name, namespace);
  throw invalid(`services are called orders or orders.prod, got ${JSON.stringify(text)}`);
}

function checkWhere(name: string, where: DnsName): DnsName {
  const host = 'srv' in where ? where.srv : where.host;
  if (typeof host !== 'string' || !hostShape.test(host)) {
    throw invalid(`services.${name}: ${JSON.stringify(host)} is no name in DNS`);
  }
  if ('srv' in where) return Object.freeze({ srv: host });
  const { port } = where;
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return Object.freeze({ host, port });
  throw invalid(`services.${name}.port must be within 1..65535, got ${port}`);
}

function within(name: string, value: number, min: number): number {
  if (typeof value === 'number' && value >= min && value <= maxTimerDelayMs) return value;
  throw invalid(`${name} must be within ${min}..${maxTimerDelayMs}, got ${value}`);
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `dns: ${message}`);
}
