import {
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';

export const issuer = 'https://issuer.example.com';
export const audience = 'shop';

/** A key pair of a test issuer. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JsonWebKey & { readonly kid: string };
}

export function rsaKey(kid: string, modulusLength = 2048): TestKey {
  const pair = generateKeyPairSync('rsa', { modulusLength });
  return { ...pair, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid } };
}

export function ecKey(kid: string, namedCurve = 'P-256'): TestKey {
  const pair = generateKeyPairSync('ec', { namedCurve });
  return { ...pair, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid } };
}

export function keySet(...keys: readonly object[]): string {
  return JSON.stringify({ keys });
}

/** Claims of a good token; `now` in seconds. */
export function goodClaims(now = Math.floor(Date.now() / 1000)): Record<string, unknown> {
  return { iss: issuer, sub: 'ada', aud: audience, iat: now - 10, exp: now + 3600 };
}

export interface MintOptions {
  /** Merged over `alg` and `kid`; or the header's whole text. */
  readonly header?: Readonly<Record<string, unknown>> | string;
  /** The payload's value, its whole text, or its bytes. */
  readonly payload?: unknown;
  /** Signs instead of the key. */
  readonly signature?: (input: string) => Buffer;
  readonly algorithm?: string;
}

/** Signs by hand: libraries refuse to make most of what the tests need. */
export function mint(key: TestKey, options: MintOptions = {}): string {
  const isEc = key.privateKey.asymmetricKeyType === 'ec';
  const { header = {}, payload = goodClaims(), algorithm = isEc ? 'ES256' : 'RS256' } = options;
  const headerText =
    typeof header === 'string'
      ? header
      : JSON.stringify({ alg: algorithm, kid: key.jwk.kid, ...header });
  const payloadText = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payloadText);
  const input = `${base64(headerText)}.${bytes.toString('base64url')}`;
  const make = options.signature ?? ((text: string) => signed(text, key.privateKey, algorithm));
  return `${input}.${make(input).toString('base64url')}`;
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function signed(text: string, key: KeyObject, algorithm: string): Buffer {
  const hash = `sha${algorithm.slice(2)}`;
  return sign(hash, Buffer.from(text), {
    key,
    dsaEncoding: 'ieee-p1363',
    ...(algorithm.startsWith('PS')
      ? { padding: 6, saltLength: Number(algorithm.slice(2)) / 8 }
      : {}),
  });
}

export function hmac(secret: string | Buffer): (input: string) => Buffer {
  return (input) => createHmac('sha256', secret).update(input).digest();
}
