import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { join } from 'node:path';
import {
  type Clock,
  type Logger,
  MeshError,
  type ServiceName,
  type ServiceTokenIssued,
  setWallTimer,
  type Timer,
} from '@inmesh/core';
import jwt from 'jsonwebtoken';
import { readPrivate, writePrivate } from '../ca/private-file.ts';
import { signingAt, type Tenure, trustedAt, withSuccessor } from '../ca/tenure.ts';

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
  /** Keys are kept in `service-token-keys.json` there, mode 0600. */
  readonly dataDir: string | undefined;
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

/** Reads the keys, or makes the first. Throws `invalid_argument` for a file that is damaged or readable by others. */
export async function createServiceTokenIssuer(
  options: ServiceTokenIssuerOptions,
): Promise<ServiceTokenIssuer> {
  const { trustDomain, dataDir, clock, logger } = options;
  const path = dataDir === undefined ? undefined : join(dataDir, 'service-token-keys.json');
  const save = async (keys: KeySet): Promise<void> => {
    if (path !== undefined) await writePrivate(path, formatKeys(keys));
  };
  const first = async (): Promise<KeySet> => {
    const keys = withSuccessor<SigningKey>([], newKey(), clock.wallNow(), 0, lifeMs);
    await save(keys);
    return keys;
  };
  const text = path === undefined ? undefined : await readPrivate(path);
  let keys = text === undefined ? await first() : parseKeys(path as string, text);
  let timer: Timer | undefined;

  const rotate = async (): Promise<void> => {
    const next = withSuccessor<SigningKey>(
      keys,
      newKey(),
      clock.wallNow(),
      publishMs,
      lifeMs + skewMs,
    );
    // On disk before it is published: a key that is lost with the process is believed by nobody.
    await save(next);
    keys = next;
  };
  const waitForRotation = (): void => {
    const newest = Math.max(...keys.map(({ signsFrom }) => signsFrom));
    // Not at once when the disk has failed: an hour is nothing to a key's month.
    const at = Math.max(newest + keyLifeMs, clock.wallNow() + publishMs);
    timer = setWallTimer(
      clock,
      () => {
        rotate().then(waitForRotation, (error: unknown) => {
          logger.error({ err: error }, 'the key of service tokens could not be replaced');
          waitForRotation();
        });
      },
      at,
    );
  };
  waitForRotation();

  return {
    issue(spiffeId, audience) {
      const now = clock.wallNow();
      const { id, privateKey } = signingAt(keys, now) as SigningKey;
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
      keys: trustedAt(keys, clock.wallNow()).map(({ id, privateKey }) => ({
        ...createPublicKey(privateKey).export({ format: 'jwk' }),
        use: 'sig',
        alg: 'ES256',
        kid: id,
      })),
    }),
    close: () => timer?.cancel(),
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

function parseKeys(path: string, text: string): KeySet {
  try {
    const { format: found, keys } = JSON.parse(text);
    if (found !== format || !Array.isArray(keys) || keys.length === 0) throw new Error('no keys');
    return keys.map(({ id, key, signsFrom, trustedUntil }) => ({
      id: String(id),
      privateKey: createPrivateKey(key),
      signsFrom: Number(signsFrom),
      trustedUntil: trustedUntil ?? Number.POSITIVE_INFINITY,
    }));
  } catch {
    // Without the cause: it may quote the file, and that holds keys.
    throw new MeshError(
      'invalid_argument',
      `registry: ${path} is damaged; restore it from a backup, or move it away to begin with a new key`,
    );
  }
}
