import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import {
  type Clock,
  isMeshError,
  type Logger,
  type ServiceName,
  type ServiceTokenIssued,
  setWallTimer,
  type Timer,
} from '@inmesh/core';
import jwt from 'jsonwebtoken';
import { openKeyRing } from '../ca/key-ring.ts';
import { signingAt, type Tenure, trustedAt } from '../ca/tenure.ts';
import type { Secret } from '../secrets/secret.ts';

/** Issues short-lived tokens by which a workload proves itself where TLS ends before its peer. */
export interface ServiceTokenIssuer {
  /** ES256, for `audience` only, of five minutes. */
  issue(spiffeId: string, audience: ServiceName): ServiceTokenIssued;
  /** The public keys, a key that does not sign yet included. */
  jwks(): { readonly keys: readonly object[] };
  close(): void;
}

export interface ServiceTokenIssuerOptions {
  readonly trustDomain: string;
  /** Where the keys are kept. */
  readonly secret: Secret;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
}

type KeySet = readonly (SigningKey & Tenure)[];

const format = 1;
const lifeMs = 300_000;
const keyLifeMs = 30 * 24 * 3_600_000;
/** Verifiers fetch keys anew at least so often: a key is known everywhere before it signs. */
const publishMs = 3_600_000;
/** Verifiers allow clocks to differ by a minute. */
const skewMs = 60_000;

/** Reads the keys, or makes the first. Throws `invalid_argument` for keys that are damaged or readable by others. */
export async function createServiceTokenIssuer(
  options: ServiceTokenIssuerOptions,
): Promise<ServiceTokenIssuer> {
  const { trustDomain, secret, clock, logger } = options;
  const ring = await openKeyRing<SigningKey>({
    what: 'service tokens',
    secret,
    newKey,
    format: formatKeys,
    parse: parseKeys,
    clock,
    logger,
  });
  let timer: Timer | undefined;
  let closed = false;

  const dueAt = (): number => Math.max(...ring.keys.map(({ signsFrom }) => signsFrom)) + keyLifeMs;
  const rotate = async (): Promise<void> => {
    // Servers that share the keys wake up together: one of them has been first.
    if (clock.wallNow() < dueAt()) return;
    try {
      await ring.succeed(publishMs, lifeMs + skewMs);
    } catch (err) {
      if (isMeshError(err, 'conflict')) return;
      logger.error({ err }, 'the key of service tokens could not be replaced');
    }
  };
  const waitForRotation = (earliest: number): void => {
    timer?.cancel();
    if (closed) return;
    timer = setWallTimer(
      clock,
      // Not at once when it has failed: an hour is nothing to a key's month.
      () => void rotate().then(() => waitForRotation(clock.wallNow() + publishMs)),
      Math.max(dueAt(), earliest),
    );
  };
  waitForRotation(clock.wallNow());
  ring.onChange(() => waitForRotation(clock.wallNow()));

  return {
    issue(spiffeId, audience) {
      const now = clock.wallNow();
      const { id, privateKey } = signingAt(ring.keys, now) as SigningKey;
      const seconds = Math.floor(now / 1_000);
      const claims = {
        sub: spiffeId,
        aud: [audience],
        iat: seconds,
        exp: seconds + lifeMs / 1_000,
      };
      const token = jwt.sign({ iss: issuerOf(trustDomain), ...claims }, privateKey, {
        algorithm: 'ES256',
        keyid: id,
      });
      return { token, expiresInMs: claims.exp * 1_000 - now };
    },
    jwks: () => ({
      keys: trustedAt(ring.keys, clock.wallNow()).map(({ id, privateKey }) => ({
        ...createPublicKey(privateKey).export({ format: 'jwk' }),
        use: 'sig',
        alg: 'ES256',
        kid: id,
      })),
    }),
    close() {
      closed = true;
      timer?.cancel();
      ring.close();
    },
  };
}

/** What `iss` says: the mesh itself, whichever of its servers signs. */
export function issuerOf(trustDomain: string): string {
  return `spiffe://${trustDomain}`;
}

function newKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return { id: createHash('sha256').update(der).digest('base64url').slice(0, 16), privateKey };
}

function formatKeys(keys: KeySet): string {
  const stored = keys.map(({ id, privateKey, signsFrom, trustedUntil }) => ({
    id,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    signsFrom,
    trustedUntil: Number.isFinite(trustedUntil) ? trustedUntil : null,
  }));
  return JSON.stringify({ format, keys: stored });
}

/** Throws for what `formatKeys` has not made. */
function parseKeys(text: string): KeySet {
  const { format: found, keys } = JSON.parse(text);
  if (found !== format || !Array.isArray(keys) || keys.length === 0) throw new Error('no keys');
  return keys.map(({ id, key, signsFrom, trustedUntil }) => ({
    id: String(id),
    privateKey: createPrivateKey(key),
    signsFrom: Number(signsFrom),
    trustedUntil: trustedUntil ?? Number.POSITIVE_INFINITY,
  }));
}
