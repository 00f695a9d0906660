import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import type { Enroller } from '@inmesh/core';
import { createRoot, readCsr, type SigningAuthority, signSvid } from '@inmesh/identity';

/** A root in a form that goes to another process. */
export interface RootText {
  readonly certificate: string;
  readonly key: string;
}

const hourMs = 3_600_000;

export function createRootText(): RootText {
  const validity = { notBefore: Date.now() - hourMs, notAfter: Date.now() + 24 * hourMs };
  const root = createRoot('cluster.local', 'a bench', serial(), validity);
  return {
    certificate: root.certificate.toString(),
    key: root.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** Signs what is asked for. */
export function enrollerOf({ certificate, key }: RootText): Enroller {
  const root: SigningAuthority = {
    certificate: new X509Certificate(certificate),
    privateKey: createPrivateKey(key),
  };
  return {
    async enroll(csr) {
      const { publicKey, uris } = readCsr(csr);
      const life = { notBefore: Date.now() - 1_000, notAfter: Date.now() + hourMs };
      const spiffeId = uris[0] as string;
      const chain = signSvid({ spiffeId, publicKey, serial: serial(), ...life }, root);
      return { chain, bundle: certificate };
    },
  };
}

function serial(): Buffer {
  return Buffer.concat([Buffer.from([1]), randomBytes(15)]);
}
