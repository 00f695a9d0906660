import { isIP } from 'node:net';
import type { Endpoint, EndpointPort } from './endpoint.ts';
import { unknownLocality } from './endpoint.ts';
import type { EndpointList, EndpointSource } from './endpoint-source.ts';
import { MeshError } from './mesh-error.ts';
import { type ServiceName, serviceName, splitServiceName } from './service-name.ts';

/** A short way to write an endpoint: everything but address and port has a default. */
export interface StaticEndpoint extends Partial<Omit<Endpoint, 'service' | 'ports' | 'address'>> {
  /** An IP literal. @default '127.0.0.1' */
  readonly address?: string;
  readonly port: number;
  readonly servicePort?: number;
}

/**
 * Fills in the defaults of a static endpoint. Throws `invalid_argument` for a port outside 1..65535,
 * a weight that is not above 0 and an address that is no IP literal.
 */
export function staticEndpoint(service: ServiceName, short: StaticEndpoint): Endpoint {
  const { port, servicePort, ...rest } = short;
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new MeshError(
      'invalid_argument',
      `${service}: port must be within 1..65535, got ${port}`,
    );
  }
  const weight = short.weight ?? 1;
  if (!(weight > 0 && Number.isFinite(weight))) {
    throw new MeshError('invalid_argument', `${service}: weight must be above 0, got ${weight}`);
  }
  const address = short.address ?? '127.0.0.1';
  if (isIP(address) === 0) {
    throw new MeshError(
      'invalid_argument',
      `${service}: address must be an IP literal, got ${JSON.stringify(address)}`,
    );
  }
  const named: EndpointPort =
    servicePort === undefined ? { name: 'http', port } : { name: 'http', port, servicePort };
  return Object.freeze({
    id: `${service}/${address}:${port}`,
    status: 'up',
    labels: {},
    metadata: {},
    locality: unknownLocality,
    serviceAccount: 'default',
    tls: 'none',
    ...rest,
    service,
    address,
    weight,
    ports: [named],
  } satisfies Endpoint);
}

/**
 * A fixed set of services, for where there is no registry:
 * `staticSource({ reviews: [{ port: 9080 }, { port: 9081, labels: { version: 'v2' } }] })`.
 * Keys are `name` or `name.namespace`. A service that is not listed is unknown.
 */
export function staticSource(
  services: Readonly<Record<string, readonly StaticEndpoint[]>>,
): EndpointSource {
  const lists = new Map<ServiceName, EndpointList>();
  for (const [key, endpoints] of Object.entries(services)) {
    const { name, namespace } = splitServiceName(key);
    const service = serviceName(name, namespace);
    const full = endpoints.map((short) => staticEndpoint(service, short));
    lists.set(service, { service, endpoints: full, revision: 'static', state: 'live', asOf: 0 });
  }
  const get = (service: ServiceName): EndpointList =>
    lists.get(service) ?? { service, endpoints: [], revision: 'static', state: 'unknown', asOf: 0 };
  return {
    get,
    follow(service, listener) {
      listener(get(service));
      return () => {};
    },
    close: async () => {},
  };
}
