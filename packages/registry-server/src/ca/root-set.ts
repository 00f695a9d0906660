import type { SigningAuthority } from '@inmesh/identity';

/** A root and its place in a rotation. Times are in milliseconds since the Unix epoch. */
export interface Root extends SigningAuthority {
  /** It is trusted before: what it signs must be accepted everywhere. */
  readonly signsFrom: number;
  /** `Infinity` until another takes over. */
  readonly trustedUntil: number;
}

/**
 * Roots by time, and nothing else: no step of a rotation has to be done at its moment, so a server
 * that was down meanwhile, or that shares the roots with others, is in the right step by itself.
 */
export type RootSet = readonly Root[];

/** Whom everybody trusts at `at`: those that sign, those that will, and those whose certificates still live. */
export function trustedRoots(roots: RootSet, at: number): RootSet {
  return roots.filter((root) => root.trustedUntil > at);
}

/** The newest that may sign already. */
export function signingRoot(roots: RootSet, at: number): Root | undefined {
  return trustedRoots(roots, at)
    .filter((root) => root.signsFrom <= at)
    .reduce<Root | undefined>(
      (newest, root) => (newest === undefined || root.signsFrom > newest.signsFrom ? root : newest),
      undefined,
    );
}

/** One that is trusted but does not sign yet: a rotation is under way. */
export function nextRoot(roots: RootSet, at: number): Root | undefined {
  return roots.find((root) => root.signsFrom > at);
}

/**
 * Adds a successor. It is published at once, signs after `publishMs`, and those before it are
 * trusted until what they have signed by then has expired.
 */
export function withSuccessor(
  roots: RootSet,
  successor: SigningAuthority,
  at: number,
  publishMs: number,
  lifeMs: number,
): RootSet {
  const signsFrom = at + publishMs;
  return [
    ...trustedRoots(roots, at).map((root) => ({
      ...root,
      trustedUntil: Math.min(root.trustedUntil, signsFrom + lifeMs),
    })),
    { ...successor, signsFrom, trustedUntil: Number.POSITIVE_INFINITY },
  ];
}

/** The first moment after `at` at which somebody else signs or is trusted; `Infinity` when none is planned. */
export function nextChange(roots: RootSet, at: number): number {
  const moments = roots.flatMap((root) => [root.signsFrom, root.trustedUntil]);
  return Math.min(Number.POSITIVE_INFINITY, ...moments.filter((moment) => moment > at));
}
