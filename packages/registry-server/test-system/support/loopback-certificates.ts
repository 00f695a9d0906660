import { randomBytes } from 'node:crypto';
import { createRoot, generateKey, signSvid } from '@inmesh/identity';

/** PEM: a certificate for 127.0.0.1, for servers and clients, its key, and who signed it. */
interface LoopbackCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface LoopbackAuthority {
  issue(): Promise<LoopbackCertificate>;
}

const hourMs = 3_600_000;

/** An authority that nobody else trusts. */
export async function createAuthority(): Promise<LoopbackAuthority> {
  const life = { notBefore: Date.now() - hourMs, notAfter: Date.now() + hourMs };
  const root = await createRoot('example.org', 'a test', serial(), life);
  return {
    async issue() {
      const { publicKey, privateKey } = generateKey();
      const request = {
        spiffeId: 'spiffe://example.org/ns/default/sa/etcd',
        hosts: ['127.0.0.1', 'localhost'],
        publicKey,
        serial: serial(),
        ...life,
      };
      return {
        ca: root.certificate.toString(),
        cert: await signSvid(request, root),
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      };
    },
  };
}

function serial(): Buffer {
  return Buffer.concat([Buffer.from([1]), randomBytes(15)]);
}
