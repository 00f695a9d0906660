import type { KeyObject } from 'node:crypto';

/** For messages: `its key is not …`. */
export const strongKeys = 'P-256, P-384, P-521, Ed25519 or RSA of 2048 bits and more';

const curves: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/** Whether a public key is of a kind and size that a certificate may be for. */
export function isStrongKey({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): boolean {
  if (type === 'ec') return curves.includes(details?.namedCurve);
  if (type === 'rsa') return (details?.modulusLength ?? 0) >= 2048;
  return type === 'ed25519';
}
