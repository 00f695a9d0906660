import { type Clock, type Logger, MeshError } from '@inmesh/core';
import type { DocumentFetch } from './document-fetch.ts';
import { type KeySet, parseKeySet } from './key-set.ts';
import type { KeySource } from './key-source.ts';
import { parseStrictJson } from './strict-json.ts';

export interface RemoteKeysOptions {
  /** Either the key set's own URL, or the issuer whose discovery document names it. */
  readonly from: { readonly jwksUri: string } | { readonly discovery: string };
  readonly fetch: DocumentFetch;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For one document. */
  readonly timeoutMs: number;
  /** Keys older than this are fetched again before they are used: a key that was taken back works this long at most. */
  readonly maxAgeMs: number;
  /** How long keys are used while no newer ones can be had. */
  readonly staleLimitMs: number;
  /** Between two fetches for keys that are not in the set. */
  readonly cooldownMs: number;
}

/** From this share of `maxAgeMs` on keys are renewed beside the requests, so that none has to wait. */
const renewAtRatio = 0.8;
const firstRetryMs = 1_000;

/**
 * The keys of a remote set, fetched when somebody needs them; no timer runs. However many requests
 * ask, one fetch is under way at most. While the issuer is away the last good keys serve until
 * `staleLimitMs`, then there are none.
 */
export function createRemoteKeys(options: RemoteKeysOptions): KeySource {
  const { from, fetch, clock, logger, timeoutMs, maxAgeMs, staleLimitMs, cooldownMs } = options;
  let set: KeySet | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let pending: Promise<KeySet | undefined> | undefined;

  const age = (): number => clock.now() - fetchedAt;
  const usable = (): KeySet | undefined => (age() < staleLimitMs ? set : undefined);

  const fetchKeys = async (): Promise<KeySet | undefined> => {
    triedAt = clock.now();
    try {
      const uri = 'jwksUri' in from ? from.jwksUri : await discover(from.discovery);
      set = parseKeySet(await fetch.text(uri, timeoutMs), set);
      fetchedAt = clock.now();
      failures = 0;
    } catch (error) {
      failures += 1;
      failedAt = clock.now();
      logger.warn(
        { err: error, ...from, haveKeys: usable() !== undefined },
        'keys could not be fetched',
      );
    }
    return usable();
  };
  const discover = async (issuer: string): Promise<string> => {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    return jwksUriOf(await fetch.text(url, timeoutMs), issuer);
  };
  /** The one fetch, or nothing when the last one is too short ago. */
  const fetchOnce = (waitMs: number): Promise<KeySet | undefined> | undefined => {
    if (pending === undefined && clock.now() - triedAt >= waitMs) {
      pending = fetchKeys().finally(() => {
        pending = undefined;
      });
    }
    return pending;
  };
  // An issuer that is away must not cost every request a connection attempt.
  const retryMs = (): number =>
    failures === 0 ? 0 : Math.min(cooldownMs, firstRetryMs * 2 ** (failures - 1));

  // Keys that are too old were asked for, and just now in vain: nobody waits for the next try.
  const isAway = (): boolean =>
    failedAt - fetchedAt >= maxAgeMs && clock.now() - failedAt <= 2 * cooldownMs;

  return {
    fresh() {
      if (age() < maxAgeMs * renewAtRatio) return set;
      const fetching = fetchOnce(retryMs());
      const last = usable();
      const mayUseLast = last !== undefined && (age() < maxAgeMs || isAway());
      return mayUseLast ? last : (fetching ?? last);
    },
    refetched: () => fetchOnce(Math.max(cooldownMs, retryMs())) ?? usable(),
    close: () => fetch.close(),
  };
}

/** The key set's URL in an OpenID discovery document, which must speak of this very issuer. */
function jwksUriOf(text: string, issuer: string): string {
  const document = parseStrictJson(text) as Record<string, unknown> | null | undefined;
  const { issuer: named, jwks_uri: uri } = document ?? {};
  if (named !== issuer) {
    throw new MeshError(
      'protocol_error',
      `the discovery document of ${issuer} names another issuer`,
    );
  }
  if (typeof uri === 'string') return uri;
  throw new MeshError('protocol_error', `the discovery document of ${issuer} has no jwks_uri`);
}
