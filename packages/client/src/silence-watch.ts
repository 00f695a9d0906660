import type { Clock, SilencePolicy, Timer } from '@inmesh/core';
import { isBlockedLoop } from './blocked-loop.ts';
import type { EndpointState } from './endpoint-state.ts';

/** A call whose attempt has had no answer yet. */
export interface WaitingCall {
  readonly endpointState: EndpointState;
  /** When the attempt began. */
  readonly attemptedAt: number;
  /** `null` is off. */
  readonly silence: SilencePolicy | null;
  /** Gives the attempt up for one elsewhere, if the call may and the budget allows; else it waits on. */
  goElsewhere(): void;
}

/** The calls in flight, waiting or not. */
export interface CallsWatched {
  readonly size: number;
  [Symbol.iterator](): Iterator<{ readonly waiting?: WaitingCall | undefined }>;
}

/** Fine against what is looked for, and so rare that it costs nothing. */
const checkEveryMs = 250;

/**
 * Notices endpoints that went silent: several requests wait there, it answers none of them, and it has
 * answered much faster so far. A cut network, a stopped process or a hung one says nothing by itself,
 * and without a time-out per try each call would wait there until its own deadline.
 *
 * Such an endpoint is ejected, and its calls go elsewhere within the retry budget. Those that may not
 * wait on: the watch fails no call. An answer from it, however late, brings it back.
 */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #calls: CallsWatched;
  #timer: Timer | undefined;
  #dueAt = 0;

  constructor(clock: Clock, calls: CallsWatched) {
    this.#clock = clock;
    this.#calls = calls;
  }

  /** A call began. It looks as long as there are any. */
  started(): void {
    if (this.#timer === undefined) this.#arm();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#dueAt = this.#clock.now() + checkEveryMs;
    this.#timer = this.#clock.setTimer(this.#check, checkEveryMs);
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    if (this.#calls.size === 0) return;
    const now = this.#clock.now();
    // Our own event loop stood still: the answers may be there and unread.
    if (!isBlockedLoop(now - this.#dueAt)) leaveSilent(this.#calls, now);
    this.#arm();
  };
}

/** One look: whoever is silent is ejected, and its calls are asked to go elsewhere. */
function leaveSilent(calls: CallsWatched, now: number): void {
  const byEndpoint = new Map<EndpointState, WaitingCall[]>();
  for (const { waiting } of calls) {
    if (waiting === undefined || waiting.silence === null) continue;
    const others = byEndpoint.get(waiting.endpointState);
    if (others === undefined) byEndpoint.set(waiting.endpointState, [waiting]);
    else others.push(waiting);
  }
  for (const [state, waiting] of byEndpoint) {
    const policy = (waiting[0] as WaitingCall).silence as SilencePolicy;
    const longestMs = toleratedMs(state, policy, now);
    const unanswered = waiting.filter(
      ({ attemptedAt }) => now - Math.max(attemptedAt, state.heardAt) >= longestMs,
    );
    if (unanswered.length < (state.silent ? 1 : policy.minWaiting)) continue;
    state.fellSilent(`silent, with ${unanswered.length} requests waiting`, now);
    for (const call of unanswered) call.goElsewhere();
  }
}

/** How long it may take to answer anything. */
function toleratedMs(state: EndpointState, policy: SilencePolicy, now: number): number {
  // Attempts that were given up have raised its cost since.
  if (state.silent) return policy.afterMs;
  const usualMs = state.usualMs(now);
  // Where nobody has answered yet it is not known what is slow.
  return usualMs === 0 ? Infinity : Math.max(policy.afterMs, policy.latencyFactor * usualMs);
}
