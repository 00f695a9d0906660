import type { Random } from '@inmesh/core';
import type { Svid } from './svid.ts';

type Validity = Pick<Svid, 'notBefore' | 'expiresAt'>;

/** The first wait after a failure. */
const firstRetryMs = 1_000;
/** Two waits in a day's certificate never lie further apart: enough tries to survive hours of outage. */
const longestRetryMs = 300_000;
/** While there is no certificate nothing works: asked for more eagerly. */
const longestFirstRetryMs = 30_000;
/** 24 h give five minutes; a certificate of minutes is not waited away. */
const retriesPerLife = 288;

/**
 * When to renew: half of the life is over, and up to a tenth more by chance, so that services that
 * started together do not come together. Milliseconds since the Unix epoch.
 *
 * @param now An authority may date a certificate back: what counts is the life that is left of it
 *   when it came, else one that is past its half at birth would be renewed in a circle.
 */
export function renewAt({ notBefore, expiresAt }: Validity, random: Random, now: number): number {
  const begin = Math.max(notBefore, now);
  return Math.max(begin + firstRetryMs, begin + (expiresAt - begin) * (0.5 + random() * 0.1));
}

/** From when on a renewal that has not come is an alarm: a quarter of the life is left. */
export function alarmAt({ notBefore, expiresAt }: Validity): number {
  return expiresAt - (expiresAt - notBefore) / 4;
}

/**
 * The wait before the next try: doubling, and half of it by chance. Not down to zero, as an
 * authority that refuses would be asked again at once.
 * @param failures In a row, from 1.
 * @param askedToWaitMs Not sooner: up to half as much again, so that those who were sent away together
 *   do not come back together.
 */
export function retryDelayMs(
  failures: number,
  validity: Validity | undefined,
  random: Random,
  askedToWaitMs = 0,
): number {
  const longest =
    validity === undefined
      ? longestFirstRetryMs
      : Math.min(
          longestRetryMs,
          Math.max(firstRetryMs, (validity.expiresAt - validity.notBefore) / retriesPerLife),
        );
  const full = Math.min(longest, firstRetryMs * 2 ** Math.min(failures - 1, 20));
  const jitter = 0.5 + random() * 0.5;
  return Math.max(full * jitter, askedToWaitMs * (0.5 + jitter));
}
