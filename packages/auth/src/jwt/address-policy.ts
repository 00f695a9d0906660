import type { LookupAddress } from 'node:dns';
import { MeshError } from '@inmesh/core';
import ipaddr from 'ipaddr.js';

/** Where cloud machines ask for their credentials, outside of link-local. */
const metadataAddresses = new Set([
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd20:ce::254',
]);
const privateRanges = new Set(['private', 'loopback', 'uniqueLocal', 'carrierGradeNat']);

/**
 * Why keys may not be fetched from `address`, an IP literal; `undefined` when they may. Whoever can
 * write a `jwksUri` must not reach through us what only this machine can (ISTIO-SECURITY-2026-003).
 * Tunnelled forms (NAT64, 6to4, Teredo) are refused whole: they carry any address.
 *
 * @param allowPrivate Whether the operator named this host as one of the own network.
 */
export function refusedAddress(address: string, allowPrivate: boolean): string | undefined {
  // process() turns an IPv4-mapped address into the one inside.
  const parsed = ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
  if (parsed === undefined) return 'no IP address';
  if (metadataAddresses.has(parsed.toString())) return 'a metadata address';
  const range = parsed.range();
  if (range === 'unicast') return undefined;
  if (!privateRanges.has(range)) return `a ${range} address`;
  return allowPrivate ? undefined : `a ${range} address, and its host is not in privateHosts`;
}

/** Throws `forbidden` unless every address that a name means may be asked: the next pick could be another. */
export function checkAddresses(
  host: string,
  addresses: readonly Pick<LookupAddress, 'address'>[],
  allowPrivate: boolean,
): void {
  for (const { address } of addresses) {
    const refused = refusedAddress(address, allowPrivate);
    if (refused === undefined) continue;
    throw new MeshError('forbidden', `keys are not fetched from ${host}: it is ${refused}`);
  }
}
