import { replaceFile } from '@inmesh/core';
import type { SvidCredential } from './credential.ts';
import { formatPemBundle } from './trust-bundle.ts';
import type { CredentialFiles } from './watch-files.ts';

/**
 * Writes a credential where another program needs it as files: the one way by which a key leaves
 * memory. The key is readable by its owner only (0600) from the moment the file exists. Each file
 * is replaced whole; whoever reads between two of them sees files that do not fit, and has to look
 * again, as `createIdentity({ files })` does. Throws what the file system says.
 */
export async function saveCredential(
  credential: SvidCredential,
  files: Omit<CredentialFiles, 'pollMs'>,
): Promise<void> {
  const { chain, privateKey, trust, identity } = credential;
  const bundle = trust.get(identity.trustDomain);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  // The bundle first: whoever sees the new certificate already knows who has signed it.
  await replaceFile(files.bundle, bundle === undefined ? '' : formatPemBundle(bundle), 0o644);
  await replaceFile(files.key, key, 0o600);
  await replaceFile(files.cert, chain, 0o644);
}
