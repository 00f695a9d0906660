import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { MeshError } from '@inmesh/core';

/**
 * The address to register: what the operator says, else the one that is listened on; for a wildcard
 * the machine's only outside address. With several it refuses to guess.
 */
export function advertisedAddress(host: string, advertise: string | undefined): string {
  if (advertise !== undefined) return checked(advertise, 'advertise');
  if (host === 'localhost') return '127.0.0.1';
  if (host !== '0.0.0.0' && host !== '::') return checked(host, 'host');
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(
      ({ internal, family, scopeid }) =>
        !internal && (family === 'IPv4' || (host === '::' && scopeid === 0)),
    )
    .map(({ address }) => address);
  const [first, second] = outside;
  if (first !== undefined && second === undefined) return first;
  throw new MeshError(
    'invalid_argument',
    `cannot tell which address others reach ${host} at (${outside.join(', ') || 'none found'}): set INMESH_ADVERTISE or listen({ advertise })`,
  );
}

function checked(address: string, option: string): string {
  if (isIP(address) !== 0) return address;
  throw new MeshError(
    'invalid_argument',
    `${option} must be an IP address, got ${JSON.stringify(address)}`,
  );
}
