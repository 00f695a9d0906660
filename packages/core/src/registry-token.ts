import { MeshError } from './mesh-error.ts';
import type { TokenKind } from './registry-security.ts';

/** A registry's token taken apart: `inmesh-<kind>.<id>.<secret>.<fingerprints>`. */
export interface RegistryToken {
  readonly kind: TokenKind;
  /** Names it in lists and in the audit. */
  readonly id: string;
  /** 256 random bits. */
  readonly secret: string;
  /**
   * SHA-256 of the roots that may stand behind the registry's certificate, as lower-case
   * hexadecimal: whom to trust at the first contact. Two while an authority is being replaced.
   */
  readonly fingerprints: readonly string[];
}

// The prefix is for scanners that look for secrets in repositories and logs.
const form =
  /^inmesh-(join|reader|operator)\.([\w-]{12})\.([\w-]{43})\.([0-9a-f]{64}(?:-[0-9a-f]{64})?)$/;

export function formatRegistryToken({ kind, id, secret, fingerprints }: RegistryToken): string {
  return `inmesh-${kind}.${id}.${secret}.${fingerprints.join('-')}`;
}

/** Throws `unauthenticated` for what is none; the error never quotes it. */
export function parseRegistryToken(text: string): RegistryToken {
  const match = form.exec(text.trim());
  if (match === null) {
    throw new MeshError(
      'unauthenticated',
      'this is no token of a registry (inmesh-join.…, inmesh-reader.…, inmesh-operator.…)',
    );
  }
  const [, kind, id, secret, fingerprints] = match as unknown as string[];
  return {
    kind: kind as TokenKind,
    id: id as string,
    secret: secret as string,
    fingerprints: (fingerprints as string).split('-'),
  };
}
