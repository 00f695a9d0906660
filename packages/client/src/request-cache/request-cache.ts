import type {
  Call,
  Interceptor,
  RequestCachePolicy,
  RequestContext,
  Send,
  ServiceName,
  Sink,
} from '@inmesh/core';
import { type ByService, madeByService, type SaidOver } from '../by-service.ts';
import { PerRequest } from '../per-request.ts';
import { whole } from '../policy-checks.ts';
import { answerKey, mayWrite } from './answer-key.ts';
import { SharedAnswer } from './shared-answer.ts';

export interface RequestCacheOptions {
  /** Stands over what is said by service. @default nothing */
  readonly over?: SaidOver<RequestCachePolicy>;
  /** Told how many calls of a service were answered by another's of the same request. Must not throw. @default nothing */
  readonly onShared?: (service: ServiceName, calls: number) => void;
}

/**
 * An interceptor by which the calls of one inbound request share their answers, while they are
 * awaited (collapsing) and afterwards (caching): `requestCache({ 'reviews.default': {} })`. For GET
 * and HEAD only. Nothing is shared between requests, so never between callers, and nothing once the
 * request has sent the service something that may write. Throws `invalid_argument`.
 */
export function requestCache(
  byService: ByService<Partial<RequestCachePolicy>>,
  options: RequestCacheOptions = {},
): Interceptor {
  const cacheOf = madeByService<Partial<RequestCachePolicy>, AnswerCache>(
    byService,
    options.over,
    (policy) => new AnswerCache(resolveRequestCache(policy), options.onShared ?? (() => {})),
  );
  return (next) => (call, sink) => {
    const cache = call.context === undefined ? undefined : cacheOf(call);
    if (cache === undefined) next(call, sink);
    else cache.send(call.context as RequestContext, call, sink, next);
  };
}

/** Throws `invalid_argument` with the option's name and value. */
function resolveRequestCache(over: Partial<RequestCachePolicy>): RequestCachePolicy {
  const { maxBodyBytes = 65_536, maxEntries = 100 } = over;
  whole('requestCache.maxBodyBytes', maxBodyBytes, 0);
  whole('requestCache.maxEntries', maxEntries, 1, 100_000);
  return Object.freeze({ maxBodyBytes, maxEntries });
}

/** The answers of one service. */
class AnswerCache {
  readonly #maxBodyBytes: number;
  readonly #answers: PerRequest<SharedAnswer>;
  readonly #onShared: (service: ServiceName, calls: number) => void;

  constructor(
    { maxBodyBytes, maxEntries }: RequestCachePolicy,
    onShared: (service: ServiceName, calls: number) => void,
  ) {
    this.#onShared = onShared;
    this.#maxBodyBytes = maxBodyBytes;
    this.#answers = new PerRequest(maxEntries);
  }

  send(context: RequestContext, call: Call, sink: Sink, next: Send) {
    // What was read before may be wrong from here on, and what is read meanwhile as well.
    if (mayWrite(call)) this.#answers.stop(context);
    const key = answerKey(call, sink);
    if (key === undefined) return next(call, sink);
    const known = this.#answers.find(context, key);
    if (known !== undefined) return known.join(call, sink);
    const shared = new SharedAnswer(sink, {
      next,
      maxBodyBytes: this.#maxBodyBytes,
      onShared: (calls) => this.#onShared(call.service, calls),
      onOver: (answer) => this.#answers.drop(context, key, answer),
    });
    if (!this.#answers.keep(context, key, shared)) return next(call, sink);
    shared.join(call, sink);
    shared.send(call);
  }
}
