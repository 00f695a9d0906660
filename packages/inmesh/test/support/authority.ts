import { randomBytes } from 'node:crypto';
import type { Enroller } from '@inmesh/core';
import { createRoot, formatPemBundle, parsePemBundle, readCsr, signSvid } from '@inmesh/identity';

/** An authority within the test's own process. */
export interface LocalAuthority {
  readonly bundle: string;
  /** Signs whatever a workload of this authority asks for; certificates last for `lifeMs`. */
  enroller(options?: { readonly lifeMs?: number; readonly as?: string }): Enroller;
}

export function localAuthority(trustDomain = 'cluster.local'): LocalAuthority {
  const now = Date.now();
  const validity = { notBefore: now - 60_000, notAfter: now + 24 * 3_600_000 };
  const root = createRoot(trustDomain, 'a test', serial(), validity);
  const bundle = formatPemBundle(parsePemBundle(trustDomain, root.certificate.toString()));
  return {
    bundle,
    enroller: ({ lifeMs = 3_600_000, as } = {}) => ({
      async enroll(csr) {
        const { publicKey, uris } = readCsr(csr);
        const spiffeId = as ?? (uris[0] as string);
        const life = { notBefore: Date.now() - 1_000, notAfter: Date.now() + lifeMs };
        const chain = signSvid({ spiffeId, publicKey, serial: serial(), ...life }, root);
        return { chain, bundle };
      },
    }),
  };
}

function serial(): Buffer {
  return Buffer.concat([Buffer.from([1]), randomBytes(15)]);
}
