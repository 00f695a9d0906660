import type { X509Certificate } from 'node:crypto';
import { MeshError } from '@inmesh/core';
import { readFacts } from './certificate.ts';
import {
  maxCertificates,
  maxPemLength,
  parseCertificates,
  pemEncode,
  readCertificate,
} from './pem.ts';
import { checkTrustDomain, identityOf, parseSpiffeId } from './spiffe-id.ts';

/** The authorities that may sign for one trust domain. Empty: nobody is trusted. */
export interface TrustBundle {
  readonly trustDomain: string;
  readonly authorities: readonly X509Certificate[];
}

/** Trust bundles by trust domain: our own, and those of domains that we are federated with. */
export type TrustBundles = ReadonlyMap<string, TrustBundle>;

/** Throws `invalid_argument` for a text without certificates or with one that is no authority. */
export function parsePemBundle(trustDomain: string, pem: string): TrustBundle {
  return createBundle(trustDomain, parseCertificates(pem, `trust bundle of ${trustDomain}`));
}

/**
 * Reads SPIFFE's bundle format (a JWKS, SPIFFE_Trust_Domain_and_Bundle.md). Entries of another
 * `use` (JWT keys) or an unknown key type are left out, as the standard says; no entry at all
 * means that everything is revoked. Throws `invalid_argument`.
 */
export function parseSpiffeBundle(trustDomain: string, json: string): TrustBundle {
  if (json.length > maxPemLength) {
    throw fault(trustDomain, `has more than ${maxPemLength} characters`);
  }
  const keys = readKeys(trustDomain, json);
  if (keys.length > maxCertificates)
    throw fault(trustDomain, `has more than ${maxCertificates} keys`);
  const authorities: X509Certificate[] = [];
  for (const [index, key] of keys.entries()) {
    const { use, kty, x5c } = (key ?? {}) as Readonly<Record<string, unknown>>;
    if (use !== 'x509-svid' || (kty !== 'EC' && kty !== 'RSA' && kty !== 'OKP')) continue;
    if (!Array.isArray(x5c) || x5c.length !== 1 || typeof x5c[0] !== 'string') {
      throw fault(trustDomain, `key ${index + 1} must have exactly one certificate in x5c`);
    }
    authorities.push(
      readCertificate(
        Buffer.from(x5c[0], 'base64'),
        `trust bundle of ${trustDomain}, key ${index + 1}`,
      ),
    );
  }
  return createBundle(trustDomain, authorities);
}

/** The authorities as one PEM text. */
export function formatPemBundle(bundle: TrustBundle): string {
  return bundle.authorities.map((one) => pemEncode('CERTIFICATE', one.raw)).join('');
}

/** Whether somebody who was trusted is no longer. */
export function lostAuthority(before: TrustBundles, after: TrustBundles): boolean {
  return [...before.values()].some(({ trustDomain, authorities }) => {
    const left = new Set(after.get(trustDomain)?.authorities.map((one) => one.fingerprint256));
    return authorities.some((one) => !left.has(one.fingerprint256));
  });
}

function createBundle(trustDomain: string, found: readonly X509Certificate[]): TrustBundle {
  checkTrustDomain(trustDomain);
  // While an authority is replaced, sources like to name one twice.
  const authorities = [...new Map(found.map((one) => [one.fingerprint256, one])).values()];
  for (const authority of authorities) {
    const { isAuthority, uris } = readFacts(authority);
    if (!isAuthority) throw fault(trustDomain, `has ${subject(authority)}, which is no authority`);
    for (const uri of uris) checkAuthorityId(trustDomain, authority, uri);
  }
  return Object.freeze({ trustDomain, authorities: Object.freeze(authorities) });
}

/** An authority may carry the ID of its trust domain, without a path, and no other's. */
function checkAuthorityId(trustDomain: string, authority: X509Certificate, uri: string): void {
  const id = parseSpiffeId(uri);
  if (id.path !== '') {
    throw fault(
      trustDomain,
      `has ${subject(authority)}, which names the workload ${identityOf(id).spiffeId}`,
    );
  }
  if (id.trustDomain !== trustDomain) {
    throw fault(trustDomain, `has ${subject(authority)}, which is of ${id.trustDomain}`);
  }
}

function readKeys(trustDomain: string, json: string): readonly unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw fault(trustDomain, 'is no JSON', cause);
  }
  const keys =
    typeof parsed === 'object' && parsed !== null && 'keys' in parsed ? parsed.keys : null;
  if (!Array.isArray(keys)) throw fault(trustDomain, 'has no list of keys');
  return keys;
}

const subject = (certificate: X509Certificate): string => JSON.stringify(certificate.subject ?? '');

function fault(trustDomain: string, problem: string, cause?: unknown): MeshError {
  return new MeshError('invalid_argument', `trust bundle of ${trustDomain} ${problem}`, { cause });
}
