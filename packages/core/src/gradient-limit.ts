import type { AdaptiveLimitPolicy } from './destination-policy.ts';

/** A limit on what is in flight that finds itself by latency. Synchronous: time comes in with every result. */
export interface ConcurrencyLimiter {
  /** A whole number. */
  readonly limit: number;
  /**
   * One that ended. @param inFlight How many there were, it included.
   * @param dropped It timed out or was refused for want of capacity: its latency says nothing.
   */
  record(latencyMs: number, inFlight: number, dropped: boolean, now: number): void;
}

export const defaultAdaptiveLimit: AdaptiveLimitPolicy = Object.freeze({
  minLimit: 4,
  maxLimit: 1_000,
  initialLimit: 20,
  tolerance: 1.5,
  windowMs: 250,
});

/** Fewer say too little of a mean. */
const minSamples = 10;
/** What may queue without harm, and by how much the limit grows when nothing is wrong (Netflix' queue size). */
const headroom = 4;
/** How much of a newly computed limit is taken at once. */
const smoothing = 0.2;
/** No window lowers the limit further than to this share. */
const maxFall = 0.5;
/** So much lower when results were dropped. */
const dropFall = 0.9;
/** Windows at the limit after which the latency without a queue is measured anew. */
const windowsPerProbe = 100;
/** While it is measured: low enough for the queue to be gone, high enough to go on serving. */
const probeShare = 0.5;

/**
 * Netflix' Gradient2 with Envoy's way to the baseline: the limit follows
 * `limit x tolerance x baseline / latency + headroom`. The baseline is the latency without a queue.
 * An average over long times would slowly take the queue for normal; so, while the limit is
 * reached, every 100th window runs at half of it and tells the baseline.
 */
export function createGradientLimit(policy: AdaptiveLimitPolicy): ConcurrencyLimiter {
  return new GradientLimit(policy);
}

class GradientLimit implements ConcurrencyLimiter {
  readonly #policy: AdaptiveLimitPolicy;
  #exact: number;
  #baselineMs = 0;
  #windows = 0;
  #probing = false;
  #endsAt = 0;
  #samples = 0;
  #sumMs = 0;
  #most = 0;
  #drops = 0;

  constructor(policy: AdaptiveLimitPolicy) {
    this.#policy = policy;
    this.#exact = this.#clamped(policy.initialLimit);
  }

  get limit(): number {
    const { minLimit } = this.#policy;
    return Math.floor(this.#probing ? Math.max(minLimit, this.#exact * probeShare) : this.#exact);
  }

  record(latencyMs: number, inFlight: number, dropped: boolean, now: number): void {
    this.#most = Math.max(this.#most, inFlight);
    if (dropped) this.#drops += 1;
    else {
      this.#samples += 1;
      this.#sumMs += latencyMs;
    }
    if (now >= this.#endsAt && this.#samples + this.#drops >= minSamples) this.#turn(now);
  }

  #turn(now: number): void {
    if (this.#samples > 0) this.#adjust(this.#sumMs / this.#samples);
    if (this.#drops > 0) this.#exact = this.#clamped(this.#exact * dropFall);
    this.#endsAt = now + this.#policy.windowMs;
    this.#samples = 0;
    this.#sumMs = 0;
    this.#most = 0;
    this.#drops = 0;
  }

  #adjust(meanMs: number): void {
    if (this.#probing) {
      this.#baselineMs = meanMs;
      this.#probing = false;
      return;
    }
    // Far from the limit nothing queues, and nothing says that it is too low.
    if (this.#most < this.#exact / 2) {
      this.#baselineMs = this.#baselineMs === 0 ? meanMs : this.#baselineMs * 0.9 + meanMs * 0.1;
      return;
    }
    this.#baselineMs = this.#baselineMs === 0 ? meanMs : Math.min(this.#baselineMs, meanMs);
    const { tolerance } = this.#policy;
    const gradient = Math.min(1, Math.max(maxFall, (tolerance * this.#baselineMs) / meanMs));
    const target = this.#exact * gradient + headroom;
    this.#exact = this.#clamped(this.#exact * (1 - smoothing) + target * smoothing);
    this.#windows += 1;
    this.#probing = this.#windows % windowsPerProbe === 0;
  }

  #clamped(limit: number): number {
    const { minLimit, maxLimit } = this.#policy;
    return Math.min(maxLimit, Math.max(minLimit, limit));
  }
}
