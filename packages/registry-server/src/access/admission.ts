import { type Clock, MeshError } from '@inmesh/core';
import { TokenBuckets } from '@inmesh/inbound';
import ipaddr from 'ipaddr.js';
import { type Principal, principalName } from './principal.ts';

export interface AdmissionLimits {
  /** Of one identity, over all its processes. Bursts take twice as many. @default 5_000 */
  readonly requestsPerSecond: number;
  /** Of one address that shows no proof, or one that does not hold. Bursts take five times as many. @default 20 */
  readonly strangerRequestsPerSecond: number;
}

/** Takes a request from whoever sends it. Throws `rate_limited`. */
export type Admission = (principal: Principal, address: string) => void;

/** Identities and addresses remembered: those unused longest make way. */
const maxKeys = 100_000;

/** Bounds what one identity may ask, and how fast a stranger can guess. */
export function createAdmission(
  { requestsPerSecond, strangerRequestsPerSecond }: AdmissionLimits,
  clock: Clock,
): Admission {
  const known = new TokenBuckets(requestsPerSecond, 2 * requestsPerSecond, maxKeys);
  const strangers = new TokenBuckets(
    strangerRequestsPerSecond,
    5 * strangerRequestsPerSecond,
    maxKeys,
  );
  return (principal, address) => {
    const isStranger = principal.kind === 'nobody';
    const waitMs = isStranger
      ? strangers.take(networkOf(address), clock.now())
      : known.take(principalName(principal), clock.now());
    if (waitMs === 0) return;
    const who = isStranger ? address : principalName(principal);
    throw new MeshError(
      'rate_limited',
      `registry: too many requests of ${who}; the next is taken in ${Math.ceil(waitMs)} ms`,
      { retryAfterMs: waitMs },
    );
  };
}

/** What counts as one stranger: an IPv4 address, and of IPv6 the 64 bits that a network has; the others are its own to choose. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6
    ? `${parsed.toNormalizedString().split(':', 4).join(':')}::/64`
    : address;
}
