import { hostname } from 'node:os';
import {
  type CallOptions,
  type HashKey,
  type HeaderPairs,
  headerValue,
  joinedHeader,
  type RouteRequest,
} from '@inmesh/core';

/** FNV-1a with a final mix: 32 bits, the same in every process and on every platform. */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixHash(hash);
}

/** Spreads every bit of a 32-bit number over all of them (MurmurHash3's finalizer). */
export function mixHash(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The hash of what `key` names in the request, or `undefined` when the request does not have it. */
export function hashKey(
  key: HashKey,
  request: RouteRequest,
  options: CallOptions,
): number | undefined {
  const text = keyText(key, request, options);
  return text === undefined || text === '' ? undefined : hashText(text);
}

/** As Envoy beside an application sees it: all calls of one process come from one source. */
const source = `${hostname()}:${process.pid}`;

function keyText(key: HashKey, request: RouteRequest, options: CallOptions): string | undefined {
  switch (key.kind) {
    case 'header':
      return headerText(key.name.toLowerCase(), request);
    case 'cookie':
      return fromPairs(headerText('cookie', request), ';', key.name);
    case 'query': {
      const query = request.path.indexOf('?');
      return query < 0 ? undefined : fromPairs(request.path.slice(query + 1), '&', key.name);
    }
    case 'source':
      return source;
    case 'call':
      return options.hashKey;
  }
}

/** Of the call itself, or else of the inbound request that it serves and that passes it on. */
function headerText(
  name: string,
  { headers, context, authority }: RouteRequest,
): string | undefined {
  if (name === 'host' || name === ':authority') return authority;
  const joined = name === 'cookie' ? cookies(headers) : joinedHeader(headers, name);
  return joined ?? (context && headerValue(context.passOn, name));
}

/** Several `Cookie` headers mean one, joined by a semicolon and not by the usual comma. */
function cookies(headers: HeaderPairs): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'cookie')
      joined = joined === undefined ? headers[i + 1] : `${joined};${headers[i + 1]}`;
  }
  return joined;
}

/** The value of the first `name=value` among parts; as it was written, since it is only compared. */
function fromPairs(text: string | undefined, separator: string, name: string): string | undefined {
  if (text === undefined) return undefined;
  for (const part of text.split(separator)) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}
