import { type Endpoint, unknownLocality } from './endpoint.ts';
import type { Registration } from './registry-protocol.ts';
import { serviceName } from './service-name.ts';

const nothing: Readonly<Record<string, string>> = Object.freeze({});

/** The endpoint that a registration describes, with every default filled in. Throws `invalid_argument` for a bad name. */
export function endpointOf(id: string, registration: Registration): Endpoint {
  const { service, namespace, address, ports } = registration;
  return {
    id,
    service: serviceName(service, namespace),
    address,
    ports,
    status: registration.status ?? 'up',
    labels: registration.labels ?? nothing,
    metadata: registration.metadata ?? nothing,
    locality: { ...unknownLocality, ...registration.locality },
    weight: registration.weight ?? 1,
    serviceAccount: registration.serviceAccount ?? 'default',
    tls: registration.tls ?? 'none',
  };
}
