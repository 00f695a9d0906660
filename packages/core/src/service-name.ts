import { MeshError } from './mesh-error.ts';

/**
 * A service's canonical name, `name.namespace` (`reviews.default`). Both parts are DNS labels, so
 * the first dot splits it; every map in Inmesh that goes by service uses this string.
 */
export type ServiceName = string;

/** How names in URLs and resources are understood. */
export interface NameScope {
  /** The namespace of short names. @default 'default' */
  readonly namespace: string;
  /** The mesh's own domain, below which every name is a mesh name. @default 'cluster.local' */
  readonly domain: string;
  /** Further namespaces that `name.namespace` may mean; the scope's own is always one. @default [] */
  readonly namespaces: readonly string[];
}

export const defaultNamespace = 'default';
export const defaultDomain = 'cluster.local';
export const defaultNameScope: NameScope = Object.freeze({
  namespace: defaultNamespace,
  domain: defaultDomain,
  namespaces: Object.freeze([]),
});

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether `text` may name a service, a namespace, a subset or a port (an RFC 1123 label). */
export function isLabel(text: string): boolean {
  return label.test(text);
}

/** Joins and checks the two parts. Throws `invalid_argument`. */
export function serviceName(name: string, namespace: string = defaultNamespace): ServiceName {
  checkLabel(name, 'service');
  checkLabel(namespace, 'namespace');
  return `${name}.${namespace}`;
}

/** Throws `invalid_argument` unless `text` is a label; `what` names it in the message. */
export function checkLabel(text: string, what: string): void {
  if (typeof text === 'string' && isLabel(text)) return;
  throw new MeshError(
    'invalid_argument',
    `${what} ${JSON.stringify(text)} must be 1 to 63 of a-z, 0-9 and '-', and start and end with a letter or digit`,
  );
}

/**
 * The mesh service that a URL's host means, or `undefined` for a name outside the mesh.
 *
 * Only a name that says so itself is one: a single label (`reviews`), `name.namespace` in a
 * namespace of the scope, `name.namespace.svc`, and everything below the mesh's domain. These never
 * go to DNS. `localhost` and IP literals are outside.
 * Throws `invalid_argument` for a mesh name that is no valid service (`a.b.c.svc.cluster.local`).
 */
export function parseMeshHost(
  host: string,
  scope: NameScope = defaultNameScope,
): ServiceName | undefined {
  let name = host.toLowerCase();
  if (name.endsWith('.')) name = name.slice(0, -1);
  if (name === 'localhost' || name.startsWith('[') || isIPv4Like(name)) return undefined;
  const suffix = `.svc.${scope.domain}`;
  if (name.endsWith(suffix)) return fromParts(name.slice(0, -suffix.length), host);
  if (name.endsWith(`.${scope.domain}`)) throw notAService(host);
  if (name.endsWith('.svc')) return fromParts(name.slice(0, -4), host);
  const dot = name.indexOf('.');
  if (dot < 0) return serviceName(name, scope.namespace);
  const namespace = name.slice(dot + 1);
  if (namespace !== scope.namespace && !scope.namespaces.includes(namespace)) return undefined;
  return serviceName(name.slice(0, dot), namespace);
}

/** The full host of a service: `reviews.default` gives `reviews.default.svc.cluster.local`. */
export function serviceHost(service: ServiceName, domain: string = defaultDomain): string {
  return `${service}.svc.${domain}`;
}

/** Splits a canonical name into its two parts. */
export function splitServiceName(service: ServiceName): { name: string; namespace: string } {
  const dot = service.indexOf('.');
  return dot < 0
    ? { name: service, namespace: defaultNamespace }
    : { name: service.slice(0, dot), namespace: service.slice(dot + 1) };
}

function fromParts(text: string, host: string): ServiceName {
  const dot = text.indexOf('.');
  if (dot < 0 || text.indexOf('.', dot + 1) >= 0) throw notAService(host);
  return serviceName(text.slice(0, dot), text.slice(dot + 1));
}

function notAService(host: string): MeshError {
  return new MeshError(
    'invalid_argument',
    `host ${JSON.stringify(host)} ends in the mesh's domain but names no service: write name.namespace.svc.<domain>`,
  );
}

/** WHATWG URLs turn every spelling of an IPv4 address into four decimals; `1` and `0x7f.1` arrive here only raw. */
function isIPv4Like(name: string): boolean {
  const last = name.slice(name.lastIndexOf('.') + 1);
  return /^(?:\d+|0x[0-9a-f]*)$/.test(last);
}
