import type { ServiceName } from './service-name.ts';

/** Where an endpoint runs, from wide to narrow; '' is unknown. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

export const unknownLocality: Locality = Object.freeze({ region: '', zone: '', subzone: '' });

/** One port that an endpoint listens on. */
export interface EndpointPort {
  /** A label, unique in its endpoint. The first port is the one that a URL without a port means. */
  readonly name: string;
  /** The port that is connected to, 1..65535. */
  readonly port: number;
  /** The port that callers write in the URL when it is not the real one (`http://reviews:9080/`). */
  readonly servicePort?: number;
}

/**
 * `up` takes traffic. `draining` finishes what it has and gets nothing new. `down` failed its
 * health probe or was taken out by an operator. Only `up` endpoints are picked.
 */
export type EndpointStatus = 'up' | 'draining' | 'down';

/** Whether an endpoint speaks mutual TLS: `permissive` takes both, which means callers use it. */
export type EndpointTls = 'none' | 'permissive' | 'strict';

/** One address that serves one service. Immutable; a change is a new object with the same id. */
export interface Endpoint {
  /** Stable and unique over all services; state kept per endpoint goes by it. */
  readonly id: string;
  readonly service: ServiceName;
  /** An IP literal, never a name: what a name would resolve to is decided at registration. */
  readonly address: string;
  /** At least one. */
  readonly ports: readonly EndpointPort[];
  readonly status: EndpointStatus;
  /** What subsets select by; `labels.version` is the version in metrics. */
  readonly labels: Readonly<Record<string, string>>;
  /** For people and adapters; the mesh does not read it. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly locality: Locality;
  /** Relative share of traffic, above 0. 1 unless said. */
  readonly weight: number;
  /** The service account that it runs as, `default` unless said: with the namespace its identity. */
  readonly serviceAccount: string;
  readonly tls: EndpointTls;
}

/** The port of `endpoint` that a URL's port means; without one, the first. */
export function selectPort(
  endpoint: Endpoint,
  urlPort: number | undefined,
): EndpointPort | undefined {
  if (urlPort === undefined) return endpoint.ports[0];
  for (const port of endpoint.ports) {
    if ((port.servicePort ?? port.port) === urlPort) return port;
  }
  return undefined;
}
