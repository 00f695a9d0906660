import { createHash } from 'node:crypto';
import type { StickyKey } from '@inmesh/config';
import { type HeaderPairs, joinedHeader, type RouteRequest } from '@inmesh/core';
import { baggageValue } from './baggage.ts';
import { cookieValue } from './cookie.ts';
import { isSettableHeader } from './header-operations.ts';
import { invalidResource } from './invalid-resource.ts';

/** What tells users apart, and how it travels to the next hop. */
export interface StickySource {
  readonly kind: StickyKey['kind'];
  readonly name: string;
  /** The header that carries it on; `undefined` for baggage, which travels by itself. */
  readonly carrier: string | undefined;
  /**
   * Cookies and credentials are known to be secret: a digest of them is the key, so that neither
   * the value nor anything that opens a session reaches the services behind.
   */
  readonly secret: boolean;
}

const credentials: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
]);

/** Throws `invalid_resource` for a header that must not be sent on (`host`, `content-length`, …). */
export function stickySource({ kind, name }: StickyKey, path: string): StickySource {
  if (kind === 'baggage') return { kind, name, carrier: undefined, secret: false };
  const secret = kind === 'cookie' || credentials.has(name);
  if (kind === 'header' && !isSettableHeader(name)) {
    throw invalidResource(
      path,
      `header ${name} belongs to one connection and cannot be a sticky key`,
    );
  }
  const carrier = secret ? `inmesh-sticky-${name.toLowerCase()}` : name;
  return { kind, name, carrier, secret };
}

/**
 * The sticky key of a call: from its own headers, else `CallOptions.hashKey`, else what the inbound
 * request that it serves brought. `undefined` when nobody knows the user.
 */
export function stickyKey(source: StickySource, request: RouteRequest): string | undefined {
  const own = readKey(source, request.headers) ?? callerKey(request);
  if (own !== undefined || request.context === undefined) return own;
  const { passOn, baggage } = request.context;
  return source.kind === 'baggage' ? baggageValue(baggage, source.name) : readKey(source, passOn);
}

/**
 * The headers to put into `RequestContext.passOn`, so that every hop behind an inbound request sees
 * the same key. Baggage needs none. Pure; call it once an inbound request.
 */
export function stickyPassOn(sources: readonly StickySource[], headers: HeaderPairs): string[] {
  const pairs: string[] = [];
  for (const source of sources) {
    if (source.carrier === undefined) continue;
    const key = readKey(source, headers);
    if (key !== undefined) pairs.push(source.carrier, key);
  }
  return pairs;
}

/**
 * The pair that tells the next hop a key which the caller gave as `hashKey`; `undefined` when the
 * key is in the request already.
 */
export function stickyCarrier(
  source: StickySource,
  request: RouteRequest,
): HeaderPairs | undefined {
  const key = callerKey(request);
  if (key === undefined || readKey(source, request.headers) !== undefined) return undefined;
  return source.carrier === undefined
    ? ['baggage', `${source.name}=${encodeURIComponent(key)}`]
    : [source.carrier, key];
}

/** What the caller gave as `hashKey`, in a form that a header can carry: the next hop must see the same text. */
function callerKey({ options }: RouteRequest): string | undefined {
  const key = options?.hashKey;
  if (key === undefined || key === '') return undefined;
  return /^[\x21-\x7e]{1,128}$/.test(key) ? key : digest(key);
}

function readKey(source: StickySource, headers: HeaderPairs): string | undefined {
  const value = readSource(source, headers);
  if (value !== undefined && value !== '') return source.secret ? digest(value) : value;
  // A hop before this one made a digest of it already.
  return source.secret && source.carrier !== undefined
    ? joinedHeader(headers, source.carrier)
    : undefined;
}

function readSource({ kind, name }: StickySource, headers: HeaderPairs): string | undefined {
  if (kind === 'header') return joinedHeader(headers, name);
  if (kind === 'cookie') return cookieValue(headers, name);
  const baggage = joinedHeader(headers, 'baggage');
  return baggage === undefined ? undefined : baggageValue(baggage, name);
}

/** 132 bits of SHA-256: no two users share one, and it does not lead back to the value. */
function digest(value: string): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, 22);
}
