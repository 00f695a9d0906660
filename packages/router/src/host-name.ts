import { parseMeshHost, type ServiceName, serviceHost } from '@inmesh/core';

/** How hosts in one resource are understood. */
export interface HostScope {
  /** The resource's own: short names are of it. */
  readonly namespace: string;
  readonly domain: string;
  /** Further namespaces that `name.namespace` may mean. */
  readonly namespaces: readonly string[];
}

/** A host: what maps go by, and the full name that wildcards are compared with. */
export interface HostName {
  /** `reviews.prod` for a mesh service, the full name for an outside host. */
  readonly key: ServiceName;
  /** `reviews.prod.svc.cluster.local`, or the outside host itself. */
  readonly full: string;
  /** Whose DestinationRules speak for it; '' for an outside host. */
  readonly namespace: string;
}

/** Understands a host without wildcard: short, namespaced or full. Throws `invalid_argument`. */
export function resolveHost(host: string, scope: HostScope): HostName {
  const service = parseMeshHost(host, scope);
  if (service !== undefined) return meshHost(service, scope.domain);
  const name = host.toLowerCase();
  const full = name.endsWith('.') ? name.slice(0, -1) : name;
  return { key: full, full, namespace: '' };
}

function meshHost(service: ServiceName, domain: string): HostName {
  const namespace = service.slice(service.indexOf('.') + 1);
  return { key: service, full: serviceHost(service, domain), namespace };
}

/**
 * The host of a request. Its `service` was made by the client; how the authority was written
 * tells `reviews.prod`, a mesh service, from `example.com`, which has the same shape.
 */
export function requestHost(service: ServiceName, authority: string, scope: HostScope): HostName {
  const colon = authority.lastIndexOf(':');
  const host = colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority;
  try {
    if (parseMeshHost(host, scope) !== undefined) return meshHost(service, scope.domain);
  } catch {
    // No valid mesh name: the client would have refused it, so the service came from elsewhere.
  }
  return { key: service, full: service, namespace: '' };
}

/** The text that hosts must end with for a wildcard (`*.prod.svc.cluster.local`, `*.com`, `*`). */
export function wildcardSuffix(pattern: string, scope: HostScope): string {
  let suffix = pattern.slice(1).toLowerCase();
  if (suffix.endsWith('.')) suffix = suffix.slice(0, -1);
  if (suffix.endsWith('.svc')) return `${suffix}.${scope.domain}`;
  const namespace = suffix.slice(1);
  const known = namespace === scope.namespace || scope.namespaces.includes(namespace);
  return suffix.startsWith('.') && known ? `${suffix}.svc.${scope.domain}` : suffix;
}
