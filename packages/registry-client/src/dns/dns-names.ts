import {
  checkLabel,
  MeshError,
  type ServiceName,
  serviceName,
  splitServiceName,
} from '@inmesh/core';

/** Where a service's endpoints are in DNS. */
export type DnsName =
  /** All addresses of a host, IPv4 and IPv6, at one port. */
  | { readonly host: string; readonly port: number }
  /** Hosts, ports and weights: `_http._tcp.orders.example.com`. Those of the lowest priority count. */
  | { readonly srv: string };

/** Where each service is; `undefined` where nothing says it. */
export type WhereIs = (service: ServiceName) => DnsName | undefined;

export interface DnsNames {
  readonly services?: Readonly<Record<string, DnsName>>;
  readonly pattern?: DnsName;
  readonly namespace?: string;
}

const maxServices = 1_000;
/** A host name as DNS has it, with underscores for SRV; at most 253 characters. */
const hostShape = /^(?=.{1,253}\.?$)([\w]([\w-]{0,61}[\w])?\.)*[\w]([\w-]{0,61}[\w])?\.?$/;

/** See `DnsSourceOptions`. Throws `invalid_argument`. */
export function resolveNames({ services = {}, pattern, namespace = 'default' }: DnsNames): WhereIs {
  checkLabel(namespace, 'namespace');
  const names = Object.entries(services);
  if ((names.length < 1 && pattern === undefined) || names.length > maxServices) {
    throw invalid(`services must name 1 to ${maxServices}, got ${names.length}`);
  }
  const named = new Map(
    names.map(([name, where]) => [
      checkService(name, namespace),
      checkWhere(`services.${name}`, where),
    ]),
  );
  if (pattern === undefined) return (service) => named.get(service);
  const patterned = resolvePattern(pattern, namespace);
  return (service) => named.get(service) ?? patterned(service);
}

function resolvePattern(pattern: DnsName, ownNamespace: string): WhereIs {
  const text = 'srv' in pattern ? pattern.srv : pattern.host;
  if (typeof text !== 'string' || !text.includes('{service}')) {
    throw invalid(`pattern: ${JSON.stringify(text)} has no {service} in it`);
  }
  const at = (name: string, namespace: string): DnsName => {
    const host = text.replaceAll('{service}', name).replaceAll('{namespace}', namespace);
    return 'srv' in pattern ? { srv: host } : { host, port: pattern.port };
  };
  checkWhere('pattern', at('a', 'a'));
  const isForAll = text.includes('{namespace}');
  return (service) => {
    const { name, namespace } = splitServiceName(service);
    if (!isForAll && namespace !== ownNamespace) return undefined;
    const where = at(name, namespace);
    // A name that is longer than names in DNS may be is not there.
    return hostShape.test('srv' in where ? where.srv : where.host) ? where : undefined;
  };
}

function checkService(text: string, ownNamespace: string): ServiceName {
  const [name = '', namespace = ownNamespace, ...rest] = text.split('.');
  if (rest.length === 0) return serviceName(name, namespace);
  throw invalid(`services are called orders or orders.prod, got ${JSON.stringify(text)}`);
}

function checkWhere(option: string, where: DnsName): DnsName {
  const host = 'srv' in where ? where.srv : where.host;
  if (typeof host !== 'string' || !hostShape.test(host)) {
    throw invalid(`${option}: ${JSON.stringify(host)} is no name in DNS`);
  }
  if ('srv' in where) return Object.freeze({ srv: host });
  const { port } = where;
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return Object.freeze({ host, port });
  throw invalid(`${option}.port must be within 1..65535, got ${port}`);
}

export function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `dns: ${message}`);
}
