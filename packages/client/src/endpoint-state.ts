import type { Endpoint } from '@inmesh/core';
import { FailureStreaks } from './failure-streaks.ts';
import { LatencyCost } from './latency-cost.ts';
import { ResultWindow } from './result-window.ts';

/** What one attempt says of its endpoint. */
export type AttemptResult =
  /** An answer below 500. */
  | 'success'
  /** An answer of 500 and more but 502, 503, 504. */
  | '5xx'
  /** An answer of 502, 503 or 504. */
  | 'gateway-error'
  /** No answer: connect failed, connection reset, per-try or call time-out. */
  | 'local-failure'
  /** The system itself said that nobody listens there: the process is gone. */
  | 'refused'
  /** Another endpoint was faster in a race: it would have taken at least so long. */
  | 'outrun'
  /** The caller went away, the fault was ours, or it had no capacity: says nothing of its health. */
  | 'neutral';

/** Whoever ejects and restores: told of failures, and of successes while it watches the endpoint. */
export interface EndpointWatcher {
  failed(state: EndpointState, now: number): void;
  succeeded(state: EndpointState): void;
  /** Requests wait there and nothing comes. */
  fellSilent(state: EndpointState, reason: string, now: number): void;
  /** One that had fallen silent has answered. */
  heard(state: EndpointState): void;
  /** The most that a request to any of them costs, in milliseconds; 0 when nothing is known. */
  usualMs(now: number): number;
}

/** What is known of one endpoint from calling it: mutable, one per id, outlives lists. */
export class EndpointState {
  /** Attempts that have begun and not ended. */
  inFlight = 0;
  /** How many outlier policies hold it ejected or on probation; 0, nearly always, needs no further look. */
  suspicions = 0;
  /** By how many of them it is ejected. */
  ejections = 0;
  /** It said itself that it is draining, before its registration does. */
  draining = false;
  /** It had no capacity and asked to be left alone until then: it gets nothing while there is another. */
  restUntil = 0;
  /** When it last answered anything. */
  heardAt = 0;
  /** It stopped answering, and has not answered since. */
  silent = false;
  /** Number of the last update of its cluster that had it. */
  listedIn = 0;
  /** No list has it any more: nothing new is kept of it. */
  removed = false;
  /** The transport's own. */
  connections: unknown = undefined;
  readonly cost: LatencyCost;
  readonly streaks: FailureStreaks = new FailureStreaks();
  readonly results: ResultWindow = new ResultWindow();
  /** When a list first had it, for slow start; `-Infinity` for those that were there from the start. */
  readonly joinedAt: number;
  #endpoint: Endpoint;
  readonly #watcher: EndpointWatcher;

  constructor(
    endpoint: Endpoint,
    options: { watcher: EndpointWatcher; decayMs: number; joinedAt: number },
  ) {
    this.#endpoint = endpoint;
    this.#watcher = options.watcher;
    this.cost = new LatencyCost(options.decayMs);
    this.joinedAt = options.joinedAt;
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** Takes over a changed registration. */
  replace(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    this.draining = false;
  }

  /** Above 0 whatever a source says. */
  get weight(): number {
    const { weight } = this.#endpoint;
    return weight > 0 && weight < Infinity ? weight : 1;
  }

  begin(): void {
    this.inFlight += 1;
  }

  /** An answer has begun, whatever it says. */
  heard(now: number): void {
    this.heardAt = now;
    if (!this.silent) return;
    this.silent = false;
    if (!this.removed) this.#watcher.heard(this);
  }

  /** What its answers take, in milliseconds, or those of the others while it has none; 0: nothing is known. */
  usualMs(now: number): number {
    return this.heardAt === 0 ? this.#watcher.usualMs(now) : this.cost.at(now);
  }

  fellSilent(reason: string, now: number): void {
    this.silent = true;
    if (!this.removed) this.#watcher.fellSilent(this, reason, now);
  }

  /** @param latencyMs Until the answer's head, or until the attempt failed. */
  end(result: AttemptResult, latencyMs: number, now: number): void {
    this.inFlight -= 1;
    if (result === 'success') {
      this.cost.succeeded(latencyMs, now);
      this.results.add(false, now);
      if (this.streaks.any !== 0) this.streaks.end();
      if (this.suspicions !== 0) this.#watcher.succeeded(this);
    } else if (result === 'outrun') {
      if (latencyMs > this.cost.at(now)) this.cost.succeeded(latencyMs, now);
    } else if (result !== 'neutral') {
      this.cost.failed(latencyMs, now);
      this.results.add(true, now);
      this.streaks.count(result);
      if (!this.removed) this.#watcher.failed(this, now);
    }
  }
}
