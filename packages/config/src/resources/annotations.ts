import { MeshError } from '@inmesh/core';
import type { ResourceMetadata } from './resource.ts';

/**
 * What Istio cannot say, as annotations of our own group. They sit on the resource that they
 * change, so that both are applied together and Istio still reads the file. On a VirtualService a
 * key may name one route: `inmesh.dev/sticky.checkout` is for the route named `checkout` and wins
 * over `inmesh.dev/sticky`, which is for all its routes.
 */
export const annotations = {
  /**
   * VirtualService: the same user keeps the same weighted destination. `header:NAME`,
   * `cookie:NAME` or `baggage:KEY` says what tells users apart. Default: every call is drawn anew.
   */
  sticky: 'inmesh.dev/sticky',
  /**
   * VirtualService: `call` (default, as Istio: a fault acts once, and switches retries and
   * time-out off) or `attempt` (a fault acts at every try, and retries work on it).
   */
  faultScope: 'inmesh.dev/fault-scope',
  /** VirtualService: which requests mirrors copy: `safe` (default: GET, HEAD, OPTIONS) or `all` (as Istio). */
  mirrorMethods: 'inmesh.dev/mirror-methods',
  /** VirtualService: `true` retries also what is not idempotent (as Istio). Default `false`. */
  retryNonIdempotent: 'inmesh.dev/retry-non-idempotent',
  /** RequestAuthentication: `true` accepts tokens that never expire (as Istio). Default `false`. */
  allowMissingExpiry: 'inmesh.dev/allow-missing-expiry',
  /** RequestAuthentication: `true` accepts rules without `audiences` (as Istio). Default `false`. */
  allowMissingAudience: 'inmesh.dev/allow-missing-audience',
  /** AuthorizationPolicy: `true` only records what it would decide. Istio's own. Default `false`. */
  dryRun: 'istio.io/dry-run',
} as const;

/** What tells users apart for a sticky split. */
export interface StickyKey {
  readonly kind: 'header' | 'cookie' | 'baggage';
  /** Of the header (lower-case), cookie or baggage member. */
  readonly name: string;
}

/** The annotation for one route: its own, else that of all routes. */
export function routeAnnotation(
  metadata: Pick<ResourceMetadata, 'annotations'>,
  key: string,
  route?: string,
): string | undefined {
  const all = metadata.annotations;
  if (all === undefined) return undefined;
  const own = route === undefined || route === '' ? undefined : all[`${key}.${route}`];
  return own ?? all[key];
}

const stickyForm = /^(header|cookie|baggage):([A-Za-z0-9!#$%&'*+.^_`|~-]{1,128})$/;

/** Reads the value of `inmesh.dev/sticky`. Throws `invalid_argument`. */
export function parseStickyKey(text: string): StickyKey {
  const match = stickyForm.exec(text);
  if (match === null) {
    throw new MeshError(
      'invalid_argument',
      `sticky key ${JSON.stringify(text.slice(0, 200))} must be header:NAME, cookie:NAME or baggage:KEY`,
    );
  }
  const kind = match[1] as StickyKey['kind'];
  const name = match[2] as string;
  return { kind, name: kind === 'header' ? name.toLowerCase() : name };
}
