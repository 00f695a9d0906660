import type { X509Certificate } from 'node:crypto';
import type { AuthorityRoot } from '@inmesh/core';
import type { RootSet } from './root-set.ts';
import { signingAt, trustedAt } from './tenure.ts';

/** Where each root that is trusted at `at` is in its time. */
export function describeRoots(roots: RootSet, at: number): AuthorityRoot[] {
  const signing = signingAt(roots, at);
  return trustedAt(roots, at).map((root) => {
    const { certificate, signsFrom, trustedUntil } = root;
    const state = root === signing ? 'signing' : signsFrom > at ? 'next' : 'retiring';
    const described = { ...describeRoot(certificate, state), signsFrom };
    return Number.isFinite(trustedUntil) ? { ...described, trustedUntil } : described;
  });
}

export function describeRoot(
  certificate: X509Certificate,
  state: AuthorityRoot['state'],
): AuthorityRoot {
  return {
    fingerprint: plainFingerprint(certificate.fingerprint256),
    subject: certificate.subject,
    state,
    expiresAt: Date.parse(certificate.validTo),
  };
}

/** As tokens and answers carry it: without colons. */
export function plainFingerprint(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}
