import type { AttemptResult, EndpointState } from '@inmesh/client/policies';
import {
  type Clock,
  type Endpoint,
  type HeaderPairs,
  headerValue,
  meshHeaders,
  type Timer,
} from '@inmesh/core';
import type { Reply } from './simulated-endpoint.ts';

/** Carries an attempt to its endpoint and the reply back, each after the network's delay. */
export type Deliver = (
  endpoint: Endpoint,
  headers: Readonly<Record<string, string>>,
  onReply: (reply: Reply) => void,
) => void;

/** Why there is no answer; the client's words. */
export type FailedKind = 'refused' | 'reset' | 'timeout';

/** The call that an attempt is one try of. */
export interface AttemptOwner {
  attemptHead(attempt: SimulatedAttempt, status: number, headers: HeaderPairs): void;
  attemptFailed(attempt: SimulatedAttempt, kind: FailedKind): void;
}

export interface AttemptStart {
  /** 0 is none. */
  readonly perTryMs: number;
  readonly maxConnections: number;
  /** What the caller still waits; `Infinity` is not told. */
  readonly remainingMs: number;
  /** Which try this is for the callee: this call's, or that of whoever called us. */
  readonly toldNumber: number;
}

/** Requests on the way to one endpoint from one client, and those that wait for a connection. */
class Connections {
  inUse = 0;
  readonly waiting: SimulatedAttempt[] = [];
}

/**
 * One try at one endpoint. Like the client's own `Attempt` it counts as in flight from the moment it
 * is made, waits for one of the endpoint's `maxConnections`, and reports to the endpoint's state once.
 */
export class SimulatedAttempt {
  readonly state: EndpointState;
  readonly number: number;
  readonly startedAt: number;
  readonly #owner: AttemptOwner;
  readonly #clock: Clock;
  readonly #connections: Connections;
  #ended = false;
  #connected = false;
  /** It was refused for want of capacity, before anything was done. */
  overloaded = false;
  #timeout: Timer | undefined;
  #send: () => void = () => {};

  constructor(owner: AttemptOwner, state: EndpointState, number: number, clock: Clock) {
    this.#owner = owner;
    this.state = state;
    this.number = number;
    this.#clock = clock;
    this.startedAt = clock.now();
    state.begin();
    state.connections ??= new Connections();
    this.#connections = state.connections as Connections;
  }

  start(deliver: Deliver, options: AttemptStart): void {
    const { perTryMs, maxConnections, remainingMs, toldNumber } = options;
    const headers: Record<string, string> = {};
    if (remainingMs !== Infinity) {
      headers[meshHeaders.timeoutMs] = `${Math.max(1, Math.floor(remainingMs))}`;
    }
    if (toldNumber > 1) headers[meshHeaders.attempt] = `${toldNumber}`;
    this.#send = () => {
      this.#connected = true;
      this.#connections.inUse += 1;
      deliver(this.state.endpoint, headers, (reply) => this.#receive(reply));
    };
    if (perTryMs > 0) this.#timeout = this.#clock.setTimer(() => this.#fail('timeout'), perTryMs);
    if (this.#connections.inUse < maxConnections) this.#send();
    else this.#connections.waiting.push(this);
  }

  /** Ends it for the call: its deadline has come, or another attempt was faster. */
  cancel(result: AttemptResult): void {
    if (!this.#ended) this.end(result);
  }

  /** Reports to the endpoint. The connection is free again, or was cut and may be replaced. */
  end(result: AttemptResult): void {
    this.#ended = true;
    this.#timeout?.cancel();
    const now = this.#clock.now();
    this.state.end(result, now - this.startedAt, now);
    if (!this.#connected) return;
    this.#connections.inUse -= 1;
    const { waiting } = this.#connections;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.#ended) continue;
      next.#send();
      return;
    }
  }

  #receive(reply: Reply): void {
    if (this.#ended) return;
    if (reply.kind === 'answer') {
      this.state.heard(this.#clock.now());
      this.overloaded = headerValue(reply.headers, meshHeaders.overloaded) === '1';
      this.#owner.attemptHead(this, reply.status, reply.headers);
    } else this.#fail(reply.kind);
  }

  #fail(kind: FailedKind): void {
    this.end(kind === 'refused' ? 'refused' : 'local-failure');
    this.#owner.attemptFailed(this, kind);
  }
}

/** What an answer says of its endpoint, in the client's words. */
export function resultOf(status: number, overloaded: boolean): AttemptResult {
  if (overloaded) return 'neutral';
  if (status < 500 || status > 599) return 'success';
  return status === 502 || status === 503 || status === 504 ? 'gateway-error' : '5xx';
}
