import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Clock, type Logger, MeshError } from '@inmesh/core';
import { parsePemBundle, type SigningAuthority } from '@inmesh/identity';
import { checkPrivate } from '../secrets/private-file.ts';
import { describeRoot } from './authority-roots.ts';
import type { CertificateAuthority } from './certificate-authority.ts';
import { createCertificateSigner } from './certificate-signer.ts';

/** Paths of PEM files. They are read at the start: to replace them, restart. */
export interface IntermediateFiles {
  /** The authority that signs, then those above it that are no roots. */
  readonly certificate: string;
  /** Its P-256 key, unencrypted, readable by this user only. */
  readonly key: string;
  /** The roots that the mesh is to trust. */
  readonly bundle: string;
}

export interface IntermediateAuthorityOptions {
  readonly files: IntermediateFiles;
  readonly trustDomain: string;
  readonly lifeMs: number;
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An authority of the operator's: its root stays elsewhere, and is replaced there. Throws `invalid_argument` for files that do not fit. */
export async function createIntermediateAuthority(
  options: IntermediateAuthorityOptions,
): Promise<CertificateAuthority> {
  const { files, trustDomain, clock } = options;
  const intermediates = await readFile(files.certificate, 'utf8');
  const bundle = await readFile(files.bundle, 'utf8');
  const roots = parsePemBundle(trustDomain, bundle).authorities;
  const chain = parsePemBundle(trustDomain, intermediates).authorities;
  const privateKey = await readKey(files.key);
  const signing: SigningAuthority = { certificate: chain[0] as X509Certificate, privateKey };
  checkFit(files, signing, chain, roots);
  if (clock.wallNow() >= Date.parse(signing.certificate.validTo)) {
    throw fault(files.certificate, `expired at ${signing.certificate.validTo}`);
  }
  const root = topOf(chain, roots) as X509Certificate;
  return {
    trustDomain,
    bundle,
    fingerprint: root.fingerprint256,
    fingerprints: [root.fingerprint256],
    ...createCertificateSigner({
      ...options,
      authority: () => signing,
      intermediates,
      bundle: () => bundle,
    }),
    status: () => ({
      trustDomain,
      certificateLifeMs: options.lifeMs,
      intermediate: true,
      roots: roots.map((one) => describeRoot(one, one === root ? 'signing' : 'trusted')),
    }),
    rotate: () =>
      Promise.reject(
        new MeshError(
          'conflict',
          `certificate authority: it is below one of yours: publish the new root in ${files.bundle}, then replace ${files.certificate} and ${files.key}, each with a restart`,
        ),
      ),
    onBundle: () => () => {},
  };
}

async function readKey(path: string): Promise<KeyObject> {
  await checkPrivate(path);
  const pem = await readFile(path, 'utf8');
  try {
    return createPrivateKey(pem);
  } catch {
    // Without the cause: it may quote the file.
    throw fault(path, 'is no unencrypted PEM key');
  }
}

function checkFit(
  files: IntermediateFiles,
  { certificate, privateKey }: SigningAuthority,
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): void {
  if (!certificate.checkPrivateKey(privateKey)) {
    throw fault(files.key, `is not the key of ${files.certificate}`);
  }
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw fault(files.key, 'is no P-256 key');
  }
  if (topOf(chain, roots) === undefined) {
    throw fault(files.certificate, `does not lead to a root of ${files.bundle}`);
  }
}

/** The root that the chain leads to. */
function topOf(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): X509Certificate | undefined {
  for (const [index, { issuer }] of chain.entries()) {
    const below = chain[index] as X509Certificate;
    const root = roots.find((one) => one.subject === issuer && below.verify(one.publicKey));
    if (root !== undefined) return root;
    const above = chain[index + 1];
    if (above === undefined || !below.verify(above.publicKey)) return undefined;
  }
  return undefined;
}

function fault(path: string, problem: string): MeshError {
  return new MeshError('invalid_argument', `certificate authority: ${path} ${problem}`);
}
