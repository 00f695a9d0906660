import type { RequestContext } from '@inmesh/core';

/** Of one command within one request; what comes beyond runs each time. */
const maxEntries = 1_000;

/**
 * Results by key within one inbound request: of runs that have ended (cache) and of those that have
 * not (collapsing). It hangs on the request's own context object, so no two callers can share one,
 * whatever the key says, and it goes when the request does.
 */
export class RequestCache<Output> {
  readonly #results = new WeakMap<RequestContext, Map<string, Promise<Output>>>();

  find(context: RequestContext, key: string): Promise<Output> | undefined {
    return this.#results.get(context)?.get(key);
  }

  /** Keeps `result` unless it fails: a failure is shared by those who wait already, and tried again by the next. */
  keep(context: RequestContext, key: string, result: Promise<Output>): void {
    let results = this.#results.get(context);
    if (results === undefined) {
      results = new Map();
      this.#results.set(context, results);
    }
    if (results.size >= maxEntries) return;
    results.set(key, result);
    result.catch(() => results.delete(key));
  }
}
