import { type Endpoint, endpointOf, MeshError, type Registration } from '@inmesh/core';
import { checkAddress } from '../probe/address-policy.ts';

/**
 * The endpoint that a registration describes, defaults filled in. Throws `invalid_argument` with
 * the field's path for what a schema cannot say.
 */
export function declareEndpoint(id: string, registration: Registration): Endpoint {
  const { address, ports, probe, tls = 'none' } = registration;
  const verdict = checkAddress(address);
  if (!verdict.ok) throw invalid('/address', `${verdict.reason}: ${JSON.stringify(address)}`);
  const names = new Set<string>();
  for (const [i, { name }] of ports.entries()) {
    if (names.has(name))
      throw invalid(`/ports/${i}/name`, `must be unique, "${name}" is used twice`);
    names.add(name);
  }
  if (probe?.port !== undefined && !names.has(probe.port)) {
    throw invalid('/probe/port', `must be the name of one of the ports, got "${probe.port}"`);
  }
  // Refused rather than failing for ever: the registry has no certificate to show yet.
  if (probe !== undefined && tls === 'strict') {
    throw invalid('/probe', 'is not possible for an endpoint whose tls is "strict"');
  }
  return Object.freeze(endpointOf(id, { ...registration, address: verdict.address }));
}

function invalid(path: string, message: string): MeshError {
  return new MeshError('invalid_argument', `registration${path} ${message}`, { path });
}
