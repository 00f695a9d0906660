/** What a signature of one algorithm needs of its key. */
interface AlgorithmFacts {
  readonly keyType: 'RSA' | 'EC' | 'oct';
  /** Of EC keys: JWK's name and OpenSSL's. */
  readonly curve?: readonly [jwk: string, openssl: string];
  /** Of secrets: RFC 7518, 3.2 asks for as many bytes as the hash has. */
  readonly secretBytes?: number;
}

/** Every signature algorithm that may be accepted. jsonwebtoken has no EdDSA; `none` is none. */
export type TokenAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'HS256'
  | 'HS384'
  | 'HS512';

export const algorithmFacts: ReadonlyMap<TokenAlgorithm, AlgorithmFacts> = new Map<
  TokenAlgorithm,
  AlgorithmFacts
>([
  ['RS256', { keyType: 'RSA' }],
  ['RS384', { keyType: 'RSA' }],
  ['RS512', { keyType: 'RSA' }],
  ['PS256', { keyType: 'RSA' }],
  ['PS384', { keyType: 'RSA' }],
  ['PS512', { keyType: 'RSA' }],
  ['ES256', { keyType: 'EC', curve: ['P-256', 'prime256v1'] }],
  ['ES384', { keyType: 'EC', curve: ['P-384', 'secp384r1'] }],
  ['ES512', { keyType: 'EC', curve: ['P-521', 'secp521r1'] }],
  ['HS256', { keyType: 'oct', secretBytes: 32 }],
  ['HS384', { keyType: 'oct', secretBytes: 48 }],
  ['HS512', { keyType: 'oct', secretBytes: 64 }],
]);

/** Exact names only: `NONE` and `rs256` are not. */
export function isAlgorithm(name: unknown): name is TokenAlgorithm {
  return algorithmFacts.has(name as TokenAlgorithm);
}
