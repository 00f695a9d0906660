import type { CallBody, ResponseHead } from '@inmesh/core';
import { headerValue, MeshError } from '@inmesh/core';
import { isReplayable } from '../call-body.ts';
import { shownUrl } from '../mesh-hosts.ts';

/** One request of a fetch: the first, or one that a redirect asked for. */
export interface Hop {
  readonly url: string;
  readonly method: string;
  /** Flat pairs. */
  readonly headers: string[];
  readonly body: CallBody;
}

/** The Fetch standard's. */
export const maxRedirects = 20;

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Secrets meant for one origin; they are not told to the next. */
const secrets: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);
/** What describes a body, gone with it. */
const ofBody: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  'content-location',
]);

export function isRedirect(status: number): boolean {
  return redirects.has(status);
}

/**
 * The request that a redirect asks for, or `undefined` when it says no place. Each hop is a new call:
 * routed anew, and subject to what its new host allows. Throws `protocol_error` and `body_consumed`.
 */
export function followRedirect(
  hop: Hop,
  head: ResponseHead,
  mode: 'follow' | 'error' | 'manual',
): Hop | undefined {
  const location = headerValue(head.headers, 'location');
  if (location === undefined) return undefined;
  if (mode === 'error') {
    throw new MeshError(
      'protocol_error',
      `${shownUrl(hop.url)} answered with a redirect, and redirect is 'error'`,
    );
  }
  const url = URL.canParse(location, hop.url) ? new URL(location, hop.url) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new MeshError(
      'protocol_error',
      `${shownUrl(hop.url)} redirects to something else than http(s)`,
    );
  }
  const becomesGet =
    (head.status === 303 && hop.method !== 'HEAD') || (head.status < 303 && hop.method === 'POST');
  if (!becomesGet && !isReplayable(hop.body)) {
    throw new MeshError(
      'body_consumed',
      `${shownUrl(hop.url)} redirects with ${head.status}, and the body was a stream that is sent already`,
    );
  }
  const leaves = url.origin !== new URL(hop.url).origin;
  return {
    url: url.href,
    method: becomesGet ? 'GET' : hop.method,
    headers: keep(hop.headers, (name) => {
      if (leaves && secrets.has(name)) return false;
      return !(becomesGet && ofBody.has(name));
    }),
    body: becomesGet ? null : hop.body,
  };
}

function keep(pairs: readonly string[], wanted: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    if (wanted(name)) kept.push(name, pairs[i + 1] as string);
  }
  return kept;
}
