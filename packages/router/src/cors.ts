import { type CorsPolicy, parseDurationMs } from '@inmesh/config';
import { type HeaderPairs, headerValue } from '@inmesh/core';
import { checkHeaderValue } from './header-operations.ts';
import { compileTextMatch, type TextMatch } from './text-match.ts';

/** A CorsPolicy with its header values ready. */
export interface CompiledCors {
  readonly origins: readonly TextMatch[];
  /** An origin of exactly `*`: answered as `*`, and never together with credentials. */
  readonly anyOrigin: boolean;
  readonly credentials: boolean;
  readonly forwardUnmatchedPreflights: boolean;
  /** Sent with the answer to a preflight. */
  readonly preflightHeaders: HeaderPairs;
  /** Sent with every other answer. */
  readonly responseHeaders: HeaderPairs;
}

export type CorsDecision =
  /** No cross-origin request, or not from an allowed origin: handle it and add nothing. */
  | { readonly kind: 'proceed' }
  /** Handle it, and add these headers to the response. */
  | { readonly kind: 'allow'; readonly headers: HeaderPairs }
  /** A preflight: answer it here. */
  | { readonly kind: 'answer'; readonly status: 200; readonly headers: HeaderPairs };

const proceed: CorsDecision = { kind: 'proceed' };

/** Throws `invalid_resource`. */
export function compileCors(policy: CorsPolicy, path: string): CompiledCors {
  const { allowOrigins = [], allowMethods = [], allowHeaders = [], exposeHeaders = [] } = policy;
  for (const value of [...allowMethods, ...allowHeaders, ...exposeHeaders]) {
    checkHeaderValue(value, path);
  }
  const anyOrigin = allowOrigins.some((origin) => origin.exact === '*');
  const preflight: string[] = [];
  if (allowMethods.length > 0)
    preflight.push('access-control-allow-methods', allowMethods.join(','));
  if (allowHeaders.length > 0)
    preflight.push('access-control-allow-headers', allowHeaders.join(','));
  if (policy.maxAge !== undefined) {
    const seconds = Math.floor(parseDurationMs(policy.maxAge) / 1000);
    preflight.push('access-control-max-age', String(seconds));
  }
  return {
    origins: allowOrigins.map((origin, i) => compileTextMatch(origin, `${path}/allowOrigins/${i}`)),
    anyOrigin,
    // Every site could act as the user otherwise: browsers refuse `*` with credentials as well.
    credentials: policy.allowCredentials === true && !anyOrigin,
    forwardUnmatchedPreflights: policy.unmatchedPreflights !== 'IGNORE',
    preflightHeaders: preflight,
    responseHeaders:
      exposeHeaders.length > 0 ? ['access-control-expose-headers', exposeHeaders.join(',')] : [],
  };
}

/** What an inbound request gets; pure. A preflight is an OPTIONS with an origin and the method it asks for. */
export function corsDecision(
  cors: CompiledCors,
  request: { readonly method: string; readonly headers: HeaderPairs },
): CorsDecision {
  const origin = headerValue(request.headers, 'origin');
  if (origin === undefined || origin === '') return proceed;
  const isPreflight =
    request.method === 'OPTIONS' &&
    headerValue(request.headers, 'access-control-request-method') !== undefined;
  if (!cors.anyOrigin && !cors.origins.some((allowed) => allowed.test(origin))) {
    return isPreflight && !cors.forwardUnmatchedPreflights
      ? { kind: 'answer', status: 200, headers: ['vary', 'origin'] }
      : proceed;
  }
  const headers = ['access-control-allow-origin', cors.anyOrigin ? '*' : origin];
  if (cors.credentials) headers.push('access-control-allow-credentials', 'true');
  // The answer differs by origin, which a shared cache has to know.
  if (!cors.anyOrigin) headers.push('vary', 'origin');
  headers.push(...(isPreflight ? cors.preflightHeaders : cors.responseHeaders));
  return isPreflight ? { kind: 'answer', status: 200, headers } : { kind: 'allow', headers };
}
