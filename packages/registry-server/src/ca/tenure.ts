/**
 * The time of a key: when it signs, and until when it is believed. Times are in milliseconds since
 * the Unix epoch.
 *
 * Keys by time, and nothing else: no step of a rotation has to be done at its moment, so a server
 * that was down meanwhile, or that shares the keys with others, is in the right step by itself.
 */
export interface Tenure {
  /** It is trusted before: what it signs must be accepted everywhere. */
  readonly signsFrom: number;
  /** `Infinity` until another takes over. */
  readonly trustedUntil: number;
}

/** Whom everybody trusts at `at`: those that sign, those that will, and those whose signatures still live. */
export function trustedAt<T extends Tenure>(keys: readonly T[], at: number): readonly T[] {
  return keys.filter((key) => key.trustedUntil > at);
}

/** The newest that may sign already. */
export function signingAt<T extends Tenure>(keys: readonly T[], at: number): T | undefined {
  return trustedAt(keys, at)
    .filter((key) => key.signsFrom <= at)
    .reduce<T | undefined>(
      (newest, key) => (newest === undefined || key.signsFrom > newest.signsFrom ? key : newest),
      undefined,
    );
}

/** One that is trusted but does not sign yet: a rotation is under way. */
export function nextAfter<T extends Tenure>(keys: readonly T[], at: number): T | undefined {
  return keys.find((key) => key.signsFrom > at);
}

/**
 * Adds a successor. It is published at once, signs after `publishMs`, and those before it are
 * trusted until what they have signed by then has expired.
 */
export function withSuccessor<K>(
  keys: readonly (K & Tenure)[],
  successor: K,
  at: number,
  publishMs: number,
  lifeMs: number,
): readonly (K & Tenure)[] {
  const signsFrom = at + publishMs;
  return [
    ...trustedAt(keys, at).map((key) => ({
      ...key,
      trustedUntil: Math.min(key.trustedUntil, signsFrom + lifeMs),
    })),
    { ...successor, signsFrom, trustedUntil: Number.POSITIVE_INFINITY },
  ];
}

/** The first moment after `at` at which somebody else signs or is trusted; `Infinity` when none is planned. */
export function nextChange(keys: readonly Tenure[], at: number): number {
  const moments = keys.flatMap((key) => [key.signsFrom, key.trustedUntil]);
  return Math.min(Number.POSITIVE_INFINITY, ...moments.filter((moment) => moment > at));
}
