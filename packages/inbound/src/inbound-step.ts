import type { EndedRequest } from '@inmesh/core';
import type { Exchange } from './exchange.ts';
import type { InboundRequest } from './inbound-request.ts';
import type { Answer, Refusal } from './refusal.ts';

/** What a step says: a refusal, an answer, or nothing to let the request pass. */
export type StepResult = Refusal | Answer | undefined;

/** One thing done with every request before its handler: a limit, a check, who the caller is. */
export interface InboundStep {
  /** For logs: `load-limits`, `jwt`. */
  readonly name: string;
  /**
   * Returns a refusal or an answer to end the request here. Synchronous unless it has to wait: a promise
   * costs every request. A step that throws or rejects refuses with 500, for a check that did not
   * run must not count as passed.
   */
  run(request: InboundRequest, exchange: Exchange): StepResult | Promise<StepResult>;
  /** Once for each exchange that this step let pass, when it ended: gives back what `run` took. */
  ended?(exchange: Exchange, ended: EndedRequest): void;
  /** Frees timers and the like, when the pipeline closes. */
  close?(): void;
}
