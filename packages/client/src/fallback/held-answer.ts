import type { CallControl, HeaderPairs, MeshError, ResponseHead, Sink } from '@inmesh/core';

/** A bad answer's body is kept so far, in case that no fallback has a better one. */
const maxHeldBytes = 64 * 1024;

/** An answer that waits until it is known whether it is wanted: given to a sink later, or read away. */
export class HeldAnswer implements Sink {
  readonly #head: ResponseHead;
  readonly #control: CallControl;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #trailers: HeaderPairs | undefined;
  #error: MeshError | undefined;
  #state: 'held' | 'dropped' | Sink = 'held';

  constructor(head: ResponseHead, control: CallControl) {
    this.#head = head;
    this.#control = control;
  }

  start(): void {}
  head(): void {}

  data(chunk: Buffer): boolean {
    if (this.#state === 'dropped') return true;
    if (this.#state !== 'held') return this.#state.data(chunk);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes < maxHeldBytes;
  }

  end(trailers: HeaderPairs): void {
    if (this.#state === 'held') this.#trailers = trailers;
    else if (this.#state !== 'dropped') this.#state.end(trailers);
  }

  fail(error: MeshError): void {
    if (this.#state === 'held') this.#error = error;
    else if (this.#state !== 'dropped') this.#state.fail(error);
  }

  /** It is not wanted: what follows is read away, within the call's own deadline. */
  drop(): void {
    this.#state = 'dropped';
    this.#chunks.length = 0;
    this.#control.resume();
  }

  /** There is none better. */
  release(sink: Sink): void {
    this.#state = sink;
    sink.head(this.#head);
    let more = true;
    for (const chunk of this.#chunks) more = sink.data(chunk);
    if (this.#error !== undefined) sink.fail(this.#error);
    else if (this.#trailers !== undefined) sink.end(this.#trailers);
    else if (more) this.#control.resume();
  }
}
