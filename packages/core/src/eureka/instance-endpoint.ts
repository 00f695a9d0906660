import type { Endpoint, EndpointStatus } from '../endpoint.ts';
import { MeshError } from '../mesh-error.ts';
import type { Registration } from '../registry-protocol.ts';
import { isLabel, splitServiceName } from '../service-name.ts';
import type { EurekaInstance, EurekaStatus } from './eureka-instance.ts';
import { instanceJson } from './instance-json.ts';
import type { Fields } from './read-fields.ts';
import { type AddressFault, defaultLeaseInfo, readInstance } from './read-instance.ts';

/**
 * The metadata key under which an endpoint carries what only Eureka has words for. So the Eureka
 * view is made of endpoints alone, whichever server or door they came by.
 */
export const eurekaKey = 'eureka';

/** Marks instances that are our own processes, so that one that a peer tells back is known again. */
const nativeKey = 'inmesh';

/** Of an instance, what cannot be read off the endpoint itself. */
type EurekaOnly = Omit<EurekaInstance, 'ipAddr' | 'metadata' | 'overriddenStatus'>;

/** Labels are for selecting: longer values stay in the metadata. */
const maxLabelLength = 253;

/**
 * The id of an instance' endpoint. Eureka's are unique in their app only (`host1` is many apps'),
 * ours over all services.
 */
export function endpointIdOf({ app, instanceId, metadata }: EurekaInstance): string {
  return metadata[nativeKey] === undefined ? `${app}/${instanceId}` : instanceId;
}

/** `instance`, unmarked: from whoever may not say which of our own endpoints it is. */
export function withoutMark(instance: EurekaInstance): EurekaInstance {
  const { [nativeKey]: _, ...metadata } = instance.metadata;
  return { ...instance, metadata };
}

/** The service that `app` is in the mesh. Throws `invalid_argument`. */
export function serviceLabelOf(app: string): string {
  const label = app.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  if (isLabel(label)) return label;
  throw new MeshError(
    'invalid_argument',
    `eureka app ${JSON.stringify(app)} gives no service name: it must have 1 to 63 characters and start and end with a letter or digit`,
  );
}

/** How the mesh sees an instance. Only `UP` takes traffic. */
export function registrationOf(instance: EurekaInstance, namespace: string): Registration {
  const { ipAddr, metadata } = instance;
  const zone = metadata.zone ?? instance.dataCenterInfo.metadata?.['availability-zone'];
  const ports = portsOf(instance);
  return {
    service: serviceLabelOf(instance.app),
    namespace,
    address: ipAddr,
    // Without a port that is on, there is nothing to call: it is known, and gets no traffic.
    ports: ports.length > 0 ? ports : [{ name: 'http', port: instance.port.number }],
    status: instance.status === 'UP' && ports.length > 0 ? 'up' : 'draining',
    labels: pickMetadata(metadata, (value) => value.length <= maxLabelLength),
    metadata: {
      ...pickMetadata(metadata, (value) => value.length > maxLabelLength),
      [eurekaKey]: eurekaText(instance),
    },
    ...(zone === undefined ? {} : { locality: { zone } }),
  };
}

/** `endpoint` with `added` to what Eureka calls its metadata. */
export function withMetadata(
  endpoint: Endpoint,
  added: Readonly<Record<string, string>>,
): Endpoint {
  const { [eurekaKey]: text = '', ...rest } = endpoint.metadata;
  const all = { ...endpoint.labels, ...rest, ...added };
  return {
    ...endpoint,
    labels: pickMetadata(all, (value) => value.length <= maxLabelLength),
    metadata: {
      ...pickMetadata(all, (value) => value.length > maxLabelLength),
      [eurekaKey]: text,
    },
    locality: { ...endpoint.locality, zone: all.zone ?? endpoint.locality.zone },
  };
}

function pickMetadata(
  metadata: Readonly<Record<string, string>>,
  matches: (value: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).filter(
      ([key, value]) => key !== nativeKey && key !== eurekaKey && matches(value),
    ),
  );
}

function portsOf({ port, securePort }: EurekaInstance): { name: string; port: number }[] {
  return [
    ...(port.enabled ? [{ name: 'http', port: port.number }] : []),
    ...(securePort.enabled ? [{ name: 'https', port: securePort.number }] : []),
  ];
}

/**
 * How Eureka sees an endpoint.
 *
 * @param override An operator's word on it.
 * @param changedAt When it changed last, in wall-clock milliseconds.
 */
export function instanceOf(
  endpoint: Endpoint,
  override: EndpointStatus | undefined,
  changedAt: number,
  addressFault: AddressFault,
): EurekaInstance {
  const { [eurekaKey]: text, ...rest } = endpoint.metadata;
  const eurekaOnly =
    text === undefined ? undefined : parseEurekaText(text, endpoint, changedAt, addressFault);
  const own = eurekaOnly ?? nativeInstance(endpoint, changedAt);
  const { zone } = endpoint.locality;
  return {
    ...own,
    ipAddr: endpoint.address,
    status: statusOf(endpoint.status, own.status),
    overriddenStatus: override === undefined ? 'UNKNOWN' : eurekaStatusOf[override],
    metadata: {
      // Spring's load balancer prefers its own zone by this key.
      ...(zone === '' ? {} : { zone }),
      ...endpoint.labels,
      ...rest,
      ...(endpoint.id === own.instanceId ? { [nativeKey]: 'endpoint' } : {}),
    },
  };
}

/** In Eureka's own JSON, so that it is read with the same care wherever it comes from. */
function eurekaText(instance: EurekaInstance): string {
  const { ipAddr: _, metadata: __, overriddenStatus: ___, ...fields } = instanceJson(instance);
  return JSON.stringify(fields);
}

/** `undefined` for what no Eureka door wrote: any process may put anything into its metadata. */
function parseEurekaText(
  text: string,
  endpoint: Endpoint,
  changedAt: number,
  addressFault: AddressFault,
): EurekaOnly | undefined {
  try {
    const fields = JSON.parse(text) as Fields;
    const own = { ...fields, ipAddr: endpoint.address };
    const instance = readInstance(own, changedAt, addressFault);
    // Nobody is shown as another service than it is.
    const { name } = splitServiceName(endpoint.service);
    return serviceLabelOf(instance.app) === name ? instance : undefined;
  } catch {
    return undefined;
  }
}

/** An operator's override in Eureka's words, and back. */
const eurekaStatusOf: Readonly<Record<EndpointStatus, EurekaStatus>> = {
  up: 'UP',
  draining: 'OUT_OF_SERVICE',
  down: 'DOWN',
};

export function overrideOf(status: EurekaStatus): EndpointStatus {
  if (status === 'UP') return 'up';
  return status === 'DOWN' ? 'down' : 'draining';
}

/** What keeps an instance from traffic is told in its own words; what an operator or a probe adds, in ours. */
function statusOf(status: EndpointStatus, own: EurekaStatus): EurekaStatus {
  return status === 'draining' && own !== 'UP' ? own : eurekaStatusOf[status];
}

/** An endpoint of a process that speaks our own protocol. */
function nativeInstance(endpoint: Endpoint, changedAt: number): EurekaOnly {
  const { name } = splitServiceName(endpoint.service);
  const { address, tls } = endpoint;
  const hostName = address.includes(':') ? `[${address}]` : address;
  const number = endpoint.ports[0]?.port ?? 0;
  // One that takes mutual TLS only is not to be called in plain text.
  const secure = tls === 'strict';
  return {
    instanceId: endpoint.id,
    app: name.toUpperCase(),
    hostName,
    status: 'UP',
    port: { number: secure ? 80 : number, enabled: !secure },
    securePort: { number: secure ? number : 443, enabled: secure },
    vipAddress: name,
    secureVipAddress: name,
    homePageUrl: `${secure ? 'https' : 'http'}://${hostName}:${number}/`,
    countryId: 1,
    dataCenterInfo: { name: 'MyOwn' },
    leaseInfo: defaultLeaseInfo,
    isCoordinatingDiscoveryServer: false,
    registrationTimestamp: changedAt,
    lastUpdatedTimestamp: changedAt,
    lastDirtyTimestamp: changedAt,
  };
}
