import { generateKeyPairSync, sign } from 'node:crypto';

/** An issuer of end users' tokens, whose keys are given inline. */
export interface TestIssuer {
  readonly issuer: string;
  /** For `jwtRules[].jwks`. */
  readonly jwks: string;
  token(claims: Readonly<Record<string, unknown>>): string;
}

export function testIssuer(issuer = 'https://login.test'): TestIssuer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'ES256' };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    issuer,
    jwks: JSON.stringify({ keys: [jwk] }),
    token(claims) {
      const now = Math.floor(Date.now() / 1_000);
      const payload = { iss: issuer, aud: 'shop', iat: now, exp: now + 600, ...claims };
      const signed = `${part({ alg: 'ES256', typ: 'JWT', kid: 'k1' })}.${part(payload)}`;
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
    },
  };
}
