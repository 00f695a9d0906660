import type { RequestContext } from '@inmesh/core';

/**
 * Values by key within one inbound request. They hang on the request's own context object, so no
 * two callers can share one, whatever the key says, and they go when the request does.
 */
export class PerRequest<Value> {
  readonly #maxEntries: number;
  /** `stopped`: this request keeps nothing any more. */
  readonly #byRequest = new WeakMap<RequestContext, Map<string, Value> | 'stopped'>();

  /** @param maxEntries Of one request; what comes beyond is not kept. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  find(context: RequestContext, key: string): Value | undefined {
    const values = this.#byRequest.get(context);
    return values === 'stopped' ? undefined : values?.get(key);
  }

  /** Whether it is kept. */
  keep(context: RequestContext, key: string, value: Value): boolean {
    let values = this.#byRequest.get(context);
    if (values === 'stopped') return false;
    if (values === undefined) {
      values = new Map();
      this.#byRequest.set(context, values);
    }
    if (values.size >= this.#maxEntries) return false;
    values.set(key, value);
    return true;
  }

  /** Nothing when another value has taken its place. */
  drop(context: RequestContext, key: string, value: Value): void {
    const values = this.#byRequest.get(context);
    if (values === undefined || values === 'stopped') return;
    if (values.get(key) === value) values.delete(key);
  }

  /** Forgets what the request has, and keeps nothing more for it. */
  stop(context: RequestContext): void {
    this.#byRequest.set(context, 'stopped');
  }
}
