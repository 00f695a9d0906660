import { EventEmitter } from 'node:events';
import type { BreakerPolicy, BreakerState } from '@inmesh/core';
import CircuitBreaker from 'opossum';

/** All circuits turn their windows with one timer: so often. */
export const rotationMs = 1_000;

/** What opossum counts beside successes and failures, by the names of its events. */
export type CircuitCount =
  | 'timeout'
  | 'reject'
  | 'fallback'
  | 'semaphoreLocked'
  | 'cacheHit'
  | 'cacheMiss';

interface Probe {
  readonly ticket: number;
  /** From then on it counts as lost, and another may take its place. */
  readonly lostAt: number;
}

/**
 * opossum's circuit breaker, told of results when they are known rather than wrapped around the
 * function. It keeps the window, the state and the time of sleep. Who may pass is decided here, by
 * tickets as in `breaker.ts`, since around the function opossum would
 * - close by a success that began before it opened,
 * - stay half-open for ever when its one probe is lost,
 * - count refused, queued and still running calls into the share of failures,
 * - remember, once it has closed, the failures from before.
 */
export class Circuit {
  readonly #policy: BreakerPolicy;
  readonly #circuit: CircuitBreaker<[unknown], boolean>;
  readonly #rotation = new EventEmitter();
  readonly #onChange: (from: BreakerState, to: BreakerState) => void;
  #forced: 'open' | 'closed' | undefined;
  #shown: BreakerState = 'closed';
  #ticket = 1;
  #probes: Probe[] = [];
  #successes = 0;

  /** @param onChange Told of every change of the shown state; must not throw. */
  constructor(
    name: string,
    policy: BreakerPolicy,
    onChange: (from: BreakerState, to: BreakerState) => void,
  ) {
    this.#policy = policy;
    this.#onChange = onChange;
    this.#circuit = new CircuitBreaker<[unknown], boolean>(takeResult, {
      name,
      timeout: false,
      // opossum opens above the share, Hystrix and our own breaker at it.
      errorThresholdPercentage: policy.failureRatio * 100 - 1e-9,
      volumeThreshold: policy.minCalls,
      resetTimeout: policy.sleepMs,
      rollingCountTimeout: policy.windowMs,
      rollingCountBuckets: Math.ceil(policy.windowMs / rotationMs),
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: this.#rotation,
    });
    this.#circuit.on('open', () => this.#changed());
    this.#circuit.on('halfOpen', () => this.#changed());
    this.#circuit.on('close', () => this.#changed());
  }

  get state(): BreakerState {
    if (this.#forced !== undefined) return this.#forced;
    if (this.#circuit.closed) return 'closed';
    return this.#circuit.opened ? 'open' : 'half-open';
  }

  get forced(): 'open' | 'closed' | undefined {
    return this.#forced;
  }

  /** Sums over the window. */
  get stats(): CircuitBreaker.Stats {
    return this.#circuit.stats;
  }

  /** A ticket above 0, or 0: refused. */
  tryAcquire(now: number): number {
    const { state } = this;
    if (state === 'closed') return this.#ticket;
    if (state === 'open') return 0;
    this.#probes = this.#probes.filter(({ lostAt }) => now < lostAt);
    if (this.#probes.length >= this.#policy.probes) return 0;
    this.#ticket += 1;
    this.#probes.push({ ticket: this.#ticket, lostAt: now + this.#policy.sleepMs });
    return this.#ticket;
  }

  /** `undefined`: the run says nothing. A stale ticket changes nothing. */
  settle(ticket: number, ok: boolean | undefined): void {
    if (this.#forced !== undefined) return;
    if (this.#circuit.closed) {
      if (ticket === this.#ticket && ok !== undefined) this.#tell(ok);
    } else if (this.#circuit.halfOpen) {
      const probes = this.#probes.filter((probe) => probe.ticket !== ticket);
      if (probes.length === this.#probes.length) return;
      this.#probes = probes;
      if (ok === false) this.#circuit.open();
      else if (ok === true && ++this.#successes >= this.#policy.successesToClose) this.#close();
    }
  }

  count(event: CircuitCount): void {
    this.#circuit.emit(event);
  }

  /** Holds it open or closed whatever happens; `undefined` lets go, closed and with nothing counted. */
  force(forced: 'open' | 'closed' | undefined): void {
    this.#forced = forced;
    this.#close();
    this.#changed();
  }

  /** Drops the oldest part of the window. */
  rotate(): void {
    this.#rotation.emit('rotate');
    // opossum keeps a number for each call though percentiles are off.
    for (const bucket of this.#circuit.status.window) bucket.latencyTimes.length = 0;
  }

  shutdown(): void {
    this.#circuit.shutdown();
  }

  #tell(ok: boolean): void {
    // A failure is counted before `fire` returns, so the very next call finds the circuit open.
    this.#circuit.fire(ok ? undefined : failed).catch(() => {});
  }

  #close(): void {
    this.#circuit.close();
    const buckets = this.#circuit.status.window.length;
    for (let i = 0; i < buckets; i += 1) this.rotate();
  }

  #changed(): void {
    this.#ticket += 1;
    this.#probes = [];
    this.#successes = 0;
    const from = this.#shown;
    this.#shown = this.state;
    if (from !== this.#shown) this.#onChange(from, this.#shown);
  }
}

const failed = new Error('the run failed');

/** Throws rather than rejects, so that opossum counts at once; `undefined` as a result would count as a failure. */
function takeResult(failure: unknown): Promise<boolean> {
  if (failure !== undefined) throw failure;
  return Promise.resolve(true);
}
