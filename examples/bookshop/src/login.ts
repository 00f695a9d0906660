import { generateKeyPairSync, sign } from 'node:crypto';

/** Who signs the shop's customers in: what an identity provider would be. */
export interface Login {
  /** The resource that makes services accept its tokens, as JSON. */
  readonly resource: string;
  /** A token of ten minutes for one customer. */
  token(subject: string): string;
}

const issuer = 'https://login.bookshop.example';

export function createLogin(): Login {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'demo', use: 'sig', alg: 'ES256' };
  const jwtRule = { issuer, audiences: ['bookshop'], jwks: JSON.stringify({ keys: [key] }) };
  return {
    resource: JSON.stringify({
      apiVersion: 'security.istio.io/v1',
      kind: 'RequestAuthentication',
      metadata: { name: 'customers' },
      spec: { jwtRules: [jwtRule] },
    }),
    token(subject) {
      const now = Math.floor(Date.now() / 1_000);
      const claims = { iss: issuer, sub: subject, aud: 'bookshop', iat: now, exp: now + 600 };
      const signed = `${part({ alg: 'ES256', typ: 'JWT', kid: 'demo' })}.${part(claims)}`;
      const options = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${signed}.${sign('sha256', Buffer.from(signed), options).toString('base64url')}`;
    },
  };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
