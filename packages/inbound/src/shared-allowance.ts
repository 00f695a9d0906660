import type { Clock, TakeQuota } from '@inmesh/core';
import { TokenBuckets } from './token-buckets.ts';

/** Asked for at once: what the limit brings in a tenth of a second, so that nobody hoards. */
const batchSeconds = 0.1;
/** What nobody used for so long is no longer there: the others have used it by then. */
const staleMs = 1_000;
/** Longer than that no request waits for the registry. */
const waitMs = 250;

interface Allowance {
  tokens: number;
  grantedAt: number;
  /** There is nothing before then. */
  refusedUntil: number;
  asking: Promise<void> | undefined;
}

export interface SharedAllowanceOptions {
  readonly perSecond: number;
  readonly burst: number;
  readonly maxKeys: number;
  readonly take: TakeQuota;
  readonly clock: Clock;
}

/**
 * One process' part of limits that its fleet shares: tokens by key, fetched in small batches ahead of
 * need. While the registry does not answer each process counts for itself: that lets more through
 * and refuses nobody who is within the limit.
 */
export class SharedAllowance {
  readonly #options: SharedAllowanceOptions;
  readonly #batch: number;
  /** In the order of their last use. */
  readonly #byKey = new Map<string, Allowance>();
  readonly #alone: TokenBuckets;

  constructor(options: SharedAllowanceOptions) {
    const { perSecond, burst, maxKeys } = options;
    this.#options = options;
    this.#batch = Math.min(1_000, Math.max(1, Math.floor(perSecond * batchSeconds)));
    this.#alone = new TokenBuckets(perSecond, burst, maxKeys);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Takes a token and gives 0, or gives the milliseconds until there may be one. Waits when it has to ask. */
  take(key: string): number | Promise<number> {
    const { clock } = this.#options;
    const allowance = this.#allowanceOf(key);
    const now = clock.now();
    if (now - allowance.grantedAt > staleMs) allowance.tokens = 0;
    if (allowance.tokens > 0) {
      allowance.tokens -= 1;
      if (allowance.tokens < this.#batch / 2) void this.#ask(key, allowance);
      return 0;
    }
    if (now < allowance.refusedUntil) return allowance.refusedUntil - now;
    return this.#askAndTake(key, allowance);
  }

  async #askAndTake(key: string, allowance: Allowance): Promise<number> {
    const { clock } = this.#options;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimer(resolve, waitMs);
    });
    await Promise.race([this.#ask(key, allowance), late]);
    timer?.cancel();
    const now = clock.now();
    if (allowance.tokens > 0) {
      allowance.tokens -= 1;
      return 0;
    }
    if (now < allowance.refusedUntil) return allowance.refusedUntil - now;
    return this.#alone.take(key, now);
  }

  /** One ask at a time for each key. Never rejects. */
  #ask(key: string, allowance: Allowance): Promise<void> {
    const { perSecond, burst, take, clock } = this.#options;
    allowance.asking ??= take({ perSecond, burst, keys: [{ key, tokens: this.#batch }] })
      .then(
        ({ keys: [grant] }) => {
          const now = clock.now();
          if (grant === undefined) return;
          allowance.tokens += grant.tokens;
          allowance.grantedAt = now;
          allowance.refusedUntil = now + (allowance.tokens > 0 ? 0 : grant.waitMs);
        },
        () => {}, // it counts for itself meanwhile
      )
      .finally(() => {
        allowance.asking = undefined;
      });
    return allowance.asking;
  }

  #allowanceOf(key: string): Allowance {
    const known = this.#byKey.get(key);
    const allowance = known ?? {
      tokens: 0,
      grantedAt: 0,
      refusedUntil: 0,
      asking: undefined,
    };
    if (known !== undefined) this.#byKey.delete(key);
    this.#byKey.set(key, allowance);
    if (this.#byKey.size > this.#options.maxKeys) {
      this.#byKey.delete(this.#byKey.keys().next().value as string);
    }
    return allowance;
  }
}
