import type { QuotaAsk, QuotaGrant, ServiceName } from '@inmesh/core';
import { TokenBuckets } from '@inmesh/inbound';

/** Limits of one fleet: more than one at a time are there only while it changes its limit. */
const maxLimits = 1_000;
/** Keys of one limit; beyond it the one unused longest starts anew. */
const maxKeys = 10_000;

/**
 * The token buckets of limits that services share among their processes, in memory: after a restart
 * all are full again, and of several servers each counts what is asked of it.
 */
export class QuotaTable {
  /** In the order of their last use. */
  readonly #limits = new Map<string, TokenBuckets>();

  get size(): number {
    return this.#limits.size;
  }

  take(service: ServiceName, { perSecond, burst, keys }: QuotaAsk, now: number): QuotaGrant {
    const buckets = this.#buckets(`${service} ${perSecond} ${burst}`, perSecond, burst);
    return {
      keys: keys.map(({ key, tokens }) => {
        let taken = 0;
        let waitMs = 0;
        while (taken < tokens && waitMs === 0) {
          waitMs = buckets.take(key, now);
          if (waitMs === 0) taken += 1;
        }
        return { tokens: taken, waitMs };
      }),
    };
  }

  #buckets(name: string, perSecond: number, burst: number): TokenBuckets {
    const known = this.#limits.get(name);
    const buckets = known ?? new TokenBuckets(perSecond, burst, maxKeys);
    if (known !== undefined) this.#limits.delete(name);
    this.#limits.set(name, buckets);
    if (this.#limits.size > maxLimits) {
      this.#limits.delete(this.#limits.keys().next().value as string);
    }
    return buckets;
  }
}
