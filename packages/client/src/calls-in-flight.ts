import type { WaitingCall } from './silence-watch.ts';

/** A call that has begun and not ended. */
export interface InFlight {
  /** Itself, while an attempt of it has no answer; `undefined` of calls that nobody watches. */
  readonly waiting?: WaitingCall | undefined;
  /** Its place in the list; the list's own. */
  position: number;
  abort(reason: unknown): void;
}

/**
 * The calls in flight, for `close()` and for whoever watches them.
 *
 * Not a `Set`: V8 chains each table of a Set to the one that replaces it. Once a table has reached
 * the old generation, every later one, and the calls that it held, stays until the next full
 * collection: 7 µs of garbage collection a call.
 */
export class CallsInFlight {
  readonly #calls: InFlight[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: InFlight): void {
    call.position = this.#calls.length;
    this.#calls.push(call);
  }

  /** Idempotent: -1 is no place. */
  remove(call: InFlight): void {
    const { position } = call;
    if (position < 0) return;
    call.position = -1;
    const last = this.#calls.pop() as InFlight;
    if (last === call) return;
    this.#calls[position] = last;
    last.position = position;
  }

  [Symbol.iterator](): Iterator<InFlight> {
    return this.#calls[Symbol.iterator]();
  }

  abortAll(reason: unknown): void {
    for (const call of [...this.#calls]) call.abort(reason);
  }
}
