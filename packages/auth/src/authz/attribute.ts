import { pathReadings, pathValues } from './loose-path.ts';
import type { RequestAttributes } from './request-attributes.ts';

/**
 * What a policy reads of a request: its values, in two readings. Where they differ, somebody behind
 * us could take the request for another one than it seems (a repeated header, `/Admin`).
 */
export interface Attribute {
  /** As it stands; `undefined` when the caller has not proven who it is. */
  values(request: RequestAttributes): readonly string[] | undefined;
  /** All that it could be taken for, the values themselves included. */
  readings(request: RequestAttributes): readonly string[] | undefined;
  /** Of several values: `every` must match (repeated headers), or `some` is enough (lists in claims). */
  readonly needs: 'every' | 'some';
}

const none: readonly string[] = [];

function plain(values: Attribute['values']): Attribute {
  return { values, readings: values, needs: 'some' };
}

function one(read: (request: RequestAttributes) => string | undefined): Attribute {
  return plain((request) => {
    const value = read(request);
    return value === undefined ? undefined : [value];
  });
}

const attributes: ReadonlyMap<string, Attribute> = new Map<string, Attribute>([
  [
    'request.method',
    {
      values: ({ method }) => [method],
      // Express and Fastify answer HEAD by the handler of GET.
      readings: ({ method }) => (method === 'HEAD' ? ['HEAD', 'GET'] : [method]),
      needs: 'some',
    },
  ],
  [
    'request.path',
    {
      values: ({ path }) => pathValues(path),
      readings: ({ path }) => pathReadings(path),
      needs: 'every',
    },
  ],
  [
    'request.host',
    {
      values: (request) => request.header('host').map(lowerCase),
      readings: (request) => request.header('host').map(lowerCase).flatMap(hostReadings),
      needs: 'every',
    },
  ],
  ['source.principal', one(({ peer }) => peer?.spiffeId.slice('spiffe://'.length))],
  ['source.namespace', one(({ peer }) => peer?.namespace)],
  ['source.serviceAccount', one(({ peer }) => peer && `${peer.namespace}/${peer.serviceAccount}`)],
  ['source.trustDomain', one(({ peer }) => peer?.trustDomain)],
  ['source.ip', one(({ sourceIp }) => sourceIp)],
  ['remote.ip', one(({ remoteIp }) => remoteIp)],
  ['destination.ip', one(({ destinationIp }) => destinationIp)],
  ['destination.port', one(({ destinationPort }) => destinationPort?.toString())],
  ['connection.sni', plain(({ sni }) => (sni === undefined ? none : [sni]))],
  [
    'request.auth.principal',
    {
      // Read back, `https://a/b/c` could be `c` of `https://a/b` as well as `b/c` of `https://a`.
      values: (request) => (hasSlashInSubject(request) ? none : principalOf(request)),
      readings: principalOf,
      needs: 'every',
    },
  ],
  ['request.auth.audiences', claim(['aud'])],
  ['request.auth.presenter', claim(['azp'])],
]);

const headerKey = /^request\.headers\[([^[\]]+)\]$/;
const claimKey = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/;

/** The attribute of a condition's key; `undefined` when there is none of that name. */
export function attributeOf(key: string): Attribute | undefined {
  const named = attributes.get(key);
  if (named !== undefined) return named;
  const header = headerKey.exec(key)?.[1]?.toLowerCase();
  if (header !== undefined) return headerAttribute(header);
  const path = claimKey.exec(key)?.[1];
  return path === undefined ? undefined : claim(path.slice(1, -1).split(']['));
}

/** Repeated headers: each value by itself, and joined, as the next reader may see them. */
function headerAttribute(name: string): Attribute {
  return {
    values: (request) => request.header(name),
    readings(request) {
      const values = request.header(name);
      return values.length < 2 ? values : [...values, values.join(','), values.join(', ')];
    },
    needs: 'every',
  };
}

/** Text, or each text of a list; numbers and booleans as JSON writes them. Unknown without a token. */
function claim(path: readonly string[]): Attribute {
  return plain(({ claims }) => {
    if (claims === undefined) return undefined;
    let value: unknown = claims;
    for (const name of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return none;
      value = (value as Record<string, unknown>)[name];
    }
    if (!Array.isArray(value)) return isScalar(value) ? [String(value)] : none;
    return value.filter(isScalar).map(String);
  });
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** `iss/sub` of the verified token. */
function principalOf({ claims }: RequestAttributes): readonly string[] | undefined {
  const { iss, sub } = claims ?? {};
  const isNamed = typeof iss === 'string' && typeof sub === 'string' && sub !== '';
  return isNamed ? [`${iss}/${sub}`] : undefined;
}

function hasSlashInSubject({ claims }: RequestAttributes): boolean {
  return typeof claims?.sub === 'string' && claims.sub.includes('/');
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}

/** `secret.com:80` and `secret.com.` may be served by the virtual host `secret.com`. */
function hostReadings(host: string): readonly string[] {
  const bare = host.replace(/:\d*$/, '').replace(/\.$/, '');
  return bare === host ? [host] : [host, bare];
}
