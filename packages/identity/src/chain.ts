import type { X509Certificate } from 'node:crypto';
import { MeshError } from '@inmesh/core';
import { type CertificateFacts, readFacts } from './certificate.ts';
import type { Svid } from './svid.ts';

/** Authorities between a leaf and the anchor. Real meshes have one or two. */
const maxIntermediates = 8;

/**
 * Walks from a leaf to one of `anchors` (RFC 5280, without policies and name constraints: an
 * authority that is constrained by a critical extension is refused). Returns until when the whole
 * path holds, in milliseconds since the Unix epoch. Throws `unauthenticated`.
 *
 * The path must end at an anchor that has signed itself; others only lead there. The standard would
 * allow more, but `tls.Server` does not: what is accepted here must work in a handshake.
 *
 * @param at The moment at which everything must be valid, in milliseconds since the Unix epoch.
 */
export function verifyPath(
  svid: Svid,
  intermediates: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  at: number,
): number {
  const name = svid.identity.spiffeId;
  checkTime(svid, at, name);
  const unused = new Set([...anchors, ...intermediates.slice(0, maxIntermediates)]);
  let current = svid.certificate;
  let until = svid.expiresAt;
  for (let below = 0; ; below += 1) {
    const issuer = [...unused].find((one) => isIssuer(one, current));
    if (issuer === undefined) {
      throw refused(name, `no trusted authority of ${svid.identity.trustDomain} has signed it`);
    }
    const facts = readFacts(issuer);
    const reason = authorityFault(facts, below);
    if (reason !== undefined) throw refused(name, `its authority ${reason}`);
    checkTime({ notBefore: facts.notBefore, expiresAt: facts.notAfter }, at, `${name}'s authority`);
    until = Math.min(until, facts.notAfter);
    if (anchors.includes(issuer) && isIssuer(issuer, issuer)) return until;
    unused.delete(issuer);
    current = issuer;
  }
}

/** Whether `issuer` names itself so, may sign, and did. */
function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  if (!certificate.checkIssued(issuer)) return false;
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // A key that cannot be read, or of another kind than the signature.
    return false;
  }
}

function authorityFault(facts: CertificateFacts, below: number): string | undefined {
  if (!facts.isAuthority) return 'is none (basicConstraints)';
  if (facts.keyUsage?.keyCertSign === false) return 'may not sign certificates (key usage)';
  if (facts.maxPathLength < below) return `allows ${facts.maxPathLength} authorities below it`;
  if (facts.hasUnknownCritical) return 'has a critical extension that is not understood';
  return undefined;
}

function checkTime(
  validity: Pick<Svid, 'notBefore' | 'expiresAt'>,
  at: number,
  name: string,
): void {
  if (at < validity.notBefore) {
    throw refused(
      name,
      `not valid before ${iso(validity.notBefore)}, and the clock says ${iso(at)}`,
    );
  }
  if (at >= validity.expiresAt) {
    throw refused(name, `expired at ${iso(validity.expiresAt)}, and the clock says ${iso(at)}`);
  }
}

const iso = (at: number): string => new Date(at).toISOString();

function refused(name: string, reason: string): MeshError {
  return new MeshError('unauthenticated', `certificate of ${name} refused: ${reason}`);
}
