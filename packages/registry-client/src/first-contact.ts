import { X509Certificate } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import { MeshError, parseRegistryToken, type TrustBundleAnswer } from '@inmesh/core';
import { ask } from './ask.ts';
import { type RegistryServer, resolveServers } from './options.ts';
import { serverTls } from './server-tls.ts';

/** A bundle holds a root or two. */
const maxRoots = 100;
const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

/** What a first contact has found. */
export interface PinnedRoots {
  /** PEM. */
  readonly roots: readonly string[];
  /** As the server says: a root signs for its own domain only, so a wrong one opens nothing. */
  readonly trustDomain: string;
}

/**
 * The roots of a server that are pinned by `fingerprints` (SHA-256, lower-case hexadecimal), as PEM.
 * The server is not believed in anything else: nothing secret is sent, and of what it answers only
 * what has a fingerprint that was known beforehand is used. Throws `unauthenticated` when nothing
 * has: another server answers there, or the root has been replaced since.
 */
export async function pinnedRoots(
  server: RegistryServer,
  fingerprints: readonly string[],
  signal: AbortSignal,
): Promise<PinnedRoots> {
  // Not verified, on purpose: see above.
  const unverified: ConnectionOptions = { rejectUnauthorized: false, minVersion: 'TLSv1.3' };
  const request = { method: 'GET', path: '/v1/trust-bundle', what: 'tell its roots' } as const;
  const answer = (await ask(
    server,
    () => unverified,
    request,
    signal,
  )) as Partial<TrustBundleAnswer>;
  const certificates = String(answer?.bundle ?? '').match(block) ?? [];
  const pinned = certificates
    .slice(0, maxRoots)
    .filter((pem) => fingerprints.includes(fingerprintOf(pem)));
  if (pinned.length > 0) return { roots: pinned, trustDomain: String(answer.trustDomain) };
  throw new MeshError(
    'unauthenticated',
    `registry ${server.origin} has no root with the fingerprint that the token carries: another server answers there, or its root has been replaced since the token was made`,
    { maybeProcessed: false },
  );
}

/**
 * To speak to the registry that has made `token`, and to nobody else: what operators' programs need
 * before they show it. Throws `invalid_argument`, `unauthenticated`, `registry_unavailable`.
 */
export async function tlsByToken(
  address: string,
  token: string,
  signal: AbortSignal,
): Promise<ConnectionOptions> {
  const [server] = resolveServers(address);
  const { fingerprints } = parseRegistryToken(token);
  const { roots, trustDomain } = await pinnedRoots(server as RegistryServer, fingerprints, signal);
  return serverTls(roots, trustDomain);
}

function fingerprintOf(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
  } catch {
    return '';
  }
}
