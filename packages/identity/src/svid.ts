import type { X509Certificate } from 'node:crypto';
import { type Identity, MeshError } from '@inmesh/core';
import { type CertificateFacts, readFacts } from './certificate.ts';
import { isStrongKey, strongKeys } from './key-strength.ts';
import { normalSerial } from './revocation-list.ts';
import { identityOf, parseSpiffeId, type SpiffeId } from './spiffe-id.ts';

/** A workload's certificate whose own content is as X509-SVID.md wants it; who signed it is another question. */
export interface Svid {
  readonly identity: Identity;
  /** Lower-case hexadecimal without leading zeros. */
  readonly serial: string;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  readonly certificate: X509Certificate;
}

/** What a certificate is presented as. */
export type TlsRole = 'client' | 'server';

const purpose = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;
/** A certificate that does not say what it is for fits both; one that says so must say both. */
const bothRoles: readonly TlsRole[] = ['client', 'server'];

/**
 * Checks a leaf by X509-SVID.md: exactly one URI, a SPIFFE ID with a path; no authority; critical
 * key usage with digitalSignature, without keyCertSign and cRLSign; the purposes of `roles`, when
 * it lists any; a key that is strong enough. Throws `unauthenticated`, with the reason.
 * Time and path are not looked at.
 */
export function readSvid(
  certificate: X509Certificate,
  roles: readonly TlsRole[] = bothRoles,
): Svid {
  const { id, facts } = readLeaf(certificate);
  const reason = leafFault(facts, roles) ?? keyFault(certificate);
  if (reason !== undefined) throw refused(id.uri, reason);
  return Object.freeze({
    identity: identityOf(id),
    serial: normalSerial(certificate.serialNumber),
    notBefore: facts.notBefore,
    expiresAt: facts.notAfter,
    certificate,
  });
}

function readLeaf(certificate: X509Certificate): { id: SpiffeId; facts: CertificateFacts } {
  let facts: CertificateFacts;
  try {
    facts = readFacts(certificate);
  } catch (cause) {
    throw refused('?', 'it cannot be read', cause);
  }
  const [uri, ...others] = facts.uris;
  if (uri === undefined) throw refused('?', 'it names no URI');
  if (others.length > 0)
    throw refused(uri, `it names ${facts.uris.length} URIs, exactly one is allowed`);
  try {
    const id = parseSpiffeId(uri);
    identityOf(id);
    return { id, facts };
  } catch (cause) {
    throw refused(uri, 'its URI is not the SPIFFE ID of a workload', cause);
  }
}

function leafFault(facts: CertificateFacts, roles: readonly TlsRole[]): string | undefined {
  if (facts.isAuthority) return 'it is an authority (basicConstraints)';
  const { keyUsage, extendedKeyUsage } = facts;
  if (keyUsage === undefined) return 'it has no key usage';
  if (!keyUsage.critical) return 'its key usage is not critical';
  if (!keyUsage.digitalSignature) return 'its key usage lacks digitalSignature';
  if (keyUsage.keyCertSign) return 'its key usage has keyCertSign';
  if (keyUsage.crlSign) return 'its key usage has cRLSign';
  if (facts.subjectIsEmpty && !facts.subjectAltNameCritical) {
    return 'its subject is empty and its subjectAltName not critical';
  }
  if (facts.hasUnknownCritical) return 'it has a critical extension that is not understood';
  if (extendedKeyUsage === undefined) return undefined;
  const missing = roles.find((role) => !extendedKeyUsage.includes(purpose[role]));
  return missing === undefined ? undefined : `its extended key usage lacks ${missing}Auth`;
}

function keyFault(certificate: X509Certificate): string | undefined {
  try {
    return isStrongKey(certificate.publicKey) ? undefined : `its key is not ${strongKeys}`;
  } catch {
    return 'its key cannot be read';
  }
}

function refused(name: string, reason: string, cause?: unknown): MeshError {
  return new MeshError(
    'unauthenticated',
    `certificate of ${JSON.stringify(name)} refused: ${reason}`,
    {
      cause,
    },
  );
}
