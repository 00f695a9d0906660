import { constants, createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls';
import { MeshError, type TlsCredential } from '@inmesh/core';
import { verifyPath } from './chain.ts';
import { parseCertificates } from './pem.ts';
import { readSvid, type Svid } from './svid.ts';
import { formatPemBundle, type TrustBundles } from './trust-bundle.ts';

/** A certificate that fits its key and its trust bundle, ready for both sides of TLS. */
export interface SvidCredential extends TlsCredential {
  readonly svid: Svid;
  /** PEM, the leaf first. */
  readonly chain: string;
  /** Prints as nothing: the key itself leaves it only by `export`. */
  readonly privateKey: KeyObject;
  /** Whom it trusts. */
  readonly trust: TrustBundles;
  readonly minVersion: SecureVersion;
}

export interface CredentialParts {
  readonly svid: Svid;
  readonly chain: string;
  readonly privateKey: KeyObject;
  readonly trust: TrustBundles;
  /** The oldest TLS spoken. */
  readonly minVersion: SecureVersion;
}

/**
 * No resumption: a resumed session is not checked again, so it would outlive the certificate. No
 * renegotiation: a second handshake could change who the peer is on a connection already checked.
 */
const secureOptions = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;

/** Makes the one TLS context of a revision, which costs a millisecond and is shared by every connection. */
export function createCredential(parts: CredentialParts, revision: string): SvidCredential {
  const { svid } = parts;
  return Object.freeze({
    ...parts,
    revision,
    identity: svid.identity,
    expiresAt: svid.expiresAt,
    context: createSecureContext(contextOptions(parts)),
  });
}

/** For `tls.Server`, which makes its context itself. */
export function contextOptions(parts: CredentialParts): SecureContextOptions {
  const { chain, privateKey, trust, minVersion } = parts;
  return {
    cert: chain,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    // Always a list: without one Node would trust the roots of the public web.
    ca: [...trust.values()].map(formatPemBundle).filter((pem) => pem !== ''),
    minVersion,
    secureOptions,
  };
}

/** A PEM chain taken apart. */
export interface Chain {
  readonly svid: Svid;
  readonly intermediates: readonly X509Certificate[];
}

/** Checks the leaf too. Throws `invalid_argument` or `unauthenticated`. */
export function readChain(chain: string): Chain {
  const [leaf, ...intermediates] = parseCertificates(chain, 'certificate chain');
  // `parseCertificates` returns at least one.
  return { svid: readSvid(leaf as X509Certificate), intermediates };
}

/**
 * Throws `unauthenticated` unless certificate, key and trust bundle belong together now.
 * @param at Milliseconds since the Unix epoch.
 */
export function checkFit({ svid, chain, privateKey, trust }: CredentialParts, at: number): void {
  if (!svid.certificate.checkPrivateKey(privateKey)) {
    throw new MeshError(
      'unauthenticated',
      `certificate of ${svid.identity.spiffeId}: the private key is another certificate's`,
    );
  }
  const authorities = trust.get(svid.identity.trustDomain)?.authorities ?? [];
  verifyPath(svid, readChain(chain).intermediates, authorities, at);
}

/** Reads an unencrypted PEM key. The error never quotes it. Throws `invalid_argument`. */
export function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause is left out: it may tell of the input.
    throw new MeshError('invalid_argument', 'the private key is no unencrypted PEM key');
  }
}
