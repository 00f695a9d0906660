import type {
  Endpoint,
  EndpointPort,
  EndpointStatus,
  EndpointTls,
  Locality,
  ServiceName,
} from '@inmesh/core';
import { addressFault } from './address-fault.ts';

const statuses: readonly unknown[] = ['up', 'draining', 'down'] satisfies EndpointStatus[];
const tlsModes: readonly unknown[] = ['none', 'permissive', 'strict'] satisfies EndpointTls[];

/** What is wrong with one endpoint. Whoever reads a list leaves that one out and goes on. */
export class EndpointFault extends Error {}

/**
 * A clean copy of what the wire or a file calls an endpoint of `service`; unknown fields are left
 * out, so that a newer server can add some. Throws `EndpointFault`.
 */
export function checkEndpoint(value: unknown, service: ServiceName): Endpoint {
  const from = record(value, 'endpoint');
  if (from.service !== service) throw new EndpointFault(`service is not ${service}`);
  if (!statuses.includes(from.status)) throw new EndpointFault('status is unknown');
  if (!tlsModes.includes(from.tls)) throw new EndpointFault('tls is unknown');
  const address = text(from.address, 'address', 64);
  const fault = addressFault(address);
  if (fault !== undefined) throw new EndpointFault(`address ${fault}`);
  const weight = from.weight;
  if (typeof weight !== 'number' || !(weight > 0 && weight <= 1_000_000)) {
    throw new EndpointFault('weight is not above 0');
  }
  return {
    id: checkEndpointId(from.id),
    service,
    address,
    ports: ports(from.ports),
    status: from.status as EndpointStatus,
    labels: strings(from.labels, 'labels'),
    metadata: strings(from.metadata, 'metadata'),
    locality: locality(from.locality),
    weight,
    serviceAccount: text(from.serviceAccount, 'serviceAccount', 253),
    tls: from.tls as EndpointTls,
  };
}

/** Throws `EndpointFault` unless `value` may be an endpoint's id. */
export function checkEndpointId(value: unknown): string {
  const id = text(value, 'id', 512);
  if (id === '') throw new EndpointFault('id is empty');
  return id;
}

function ports(value: unknown): readonly EndpointPort[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > 16) {
    throw new EndpointFault('ports are not 1 to 16');
  }
  return value.map((each) => {
    const from = record(each, 'port');
    const name = text(from.name, 'port name', 63);
    const port = portNumber(from.port);
    return from.servicePort === undefined
      ? { name, port }
      : { name, port, servicePort: portNumber(from.servicePort) };
  });
}

function portNumber(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535) {
    return value as number;
  }
  throw new EndpointFault('port is not within 1..65535');
}

function locality(value: unknown): Locality {
  const from = record(value, 'locality');
  return {
    region: text(from.region, 'region', 253),
    zone: text(from.zone, 'zone', 253),
    subzone: text(from.subzone, 'subzone', 253),
  };
}

function strings(value: unknown, what: string): Readonly<Record<string, string>> {
  const copy: Record<string, string> = {};
  const entries = Object.entries(record(value, what));
  if (entries.length > 64) throw new EndpointFault(`${what} are more than 64`);
  for (const [key, each] of entries) {
    // Assigning `__proto__` would change the copy's prototype instead of adding a key.
    if (key === '__proto__' || key.length > 1_024)
      throw new EndpointFault(`${what} have a bad key`);
    copy[key] = text(each, what, 1_024);
  }
  return copy;
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new EndpointFault(`${what} is not an object`);
}

function text(value: unknown, what: string, maxLength: number): string {
  if (typeof value === 'string' && value.length <= maxLength) return value;
  throw new EndpointFault(`${what} is not a text of at most ${maxLength} characters`);
}
