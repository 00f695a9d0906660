import type { Endpoint } from '@inmesh/core';

/** What one attempt says of its endpoint. */
export type AttemptResult =
  /** An answer below 500. */
  | 'success'
  /** An answer of 500..599 but 502, 503, 504. */
  | '5xx'
  /** An answer of 502, 503 or 504. */
  | 'gateway-error'
  /** No answer: connect failed, connection reset, per-try or call time-out. */
  | 'local-failure'
  /** The caller went away, or the fault was ours: says nothing of the endpoint. */
  | 'neutral';

/** What is known of one endpoint from calling it: mutable, one per id, outlives lists. */
export class EndpointState {
  endpoint: Endpoint;
  inFlight = 0;
  /** The transport's own. */
  connections: unknown = undefined;
  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }
  begin(): void {
    this.inFlight += 1;
  }
  end(_result: AttemptResult, _latencyMs: number, _now: number): void {
    this.inFlight -= 1;
  }
}
