import { type Endpoint, endpointOf, type ServiceName, splitServiceName } from '@inmesh/core';
import { addressFault } from '../address-fault.ts';
import type { DnsName } from './dns-names.ts';
import type { DnsAddress, DnsResolver } from './dns-resolver.ts';

/** What DNS says of a service. */
export interface DnsAnswer {
  readonly endpoints: readonly Endpoint[];
  /** For so long, in milliseconds; `undefined` where nothing said how long. */
  readonly ttlMs: number | undefined;
}

/** More hosts than that stand behind no record. */
const maxTargets = 100;
const maxAddresses = 1_000;

interface Target {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
}

/**
 * The endpoints of `service`, by id. Addresses that nobody is to call (link-local, cloud metadata)
 * are left out. Empty: DNS says that there is nothing. Throws what kept it from being asked.
 */
export async function lookUp(
  service: ServiceName,
  where: DnsName,
  resolver: DnsResolver,
): Promise<DnsAnswer> {
  const targets = 'srv' in where ? await targetsOf(where.srv, resolver) : [{ ...where, weight: 1 }];
  const endpoints = new Map<string, Endpoint>();
  let ttl = Number.POSITIVE_INFINITY;
  for (const { host, port, weight } of targets) {
    for (const each of await addressesOf(host, resolver)) {
      ttl = Math.min(ttl, each.ttl);
      const endpoint = endpointAt(service, each.address, port, weight);
      if (endpoint !== undefined && endpoints.size < maxAddresses) {
        endpoints.set(endpoint.id, endpoint);
      }
    }
  }
  return {
    endpoints: [...endpoints.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    ttlMs: Number.isFinite(ttl) ? ttl * 1_000 : undefined,
  };
}

/** The records of the lowest priority: the others are for when those are gone. */
async function targetsOf(name: string, resolver: DnsResolver): Promise<Target[]> {
  const records = (await orNothing(resolver.resolveSrv(name)))
    // `.` says that the service is decidedly not there.
    .filter(({ name: host, port }) => host !== '' && host !== '.' && port > 0);
  const first = Math.min(...records.map(({ priority }) => priority));
  return records
    .filter(({ priority }) => priority === first)
    .slice(0, maxTargets)
    .map(({ name: host, port, weight }) => ({ host, port, weight: Math.max(1, weight) }));
}

async function addressesOf(host: string, resolver: DnsResolver): Promise<DnsAddress[]> {
  const [v4, v6] = await Promise.allSettled([
    orNothing(resolver.resolve4(host)),
    orNothing(resolver.resolve6(host)),
  ]);
  // Half of an answer is no answer: what could not be asked for would look gone.
  if (v4.status === 'rejected') throw v4.reason;
  if (v6.status === 'rejected') throw v6.reason;
  return [...v4.value, ...v6.value];
}

/** What DNS says is not there is an empty answer. */
async function orNothing<T>(asked: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await asked;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}

function endpointAt(
  service: ServiceName,
  address: string,
  port: number,
  weight: number,
): Endpoint | undefined {
  if (addressFault(address) !== undefined) return undefined;
  const { name, namespace } = splitServiceName(service);
  const ports = [{ name: 'http', port }];
  return endpointOf(`${service}/${address}:${port}`, {
    service: name,
    namespace,
    address,
    ports,
    weight,
  });
}
