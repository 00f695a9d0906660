import type { Call, CallControl, HeaderPairs, MeshError, ResponseHead, Sink } from '@inmesh/core';
import { callAborted } from '../call-aborted.ts';

/** A whole answer, for whoever asks for it. */
export interface WholeAnswer {
  readonly head: ResponseHead;
  readonly body: Buffer;
  readonly trailers: HeaderPairs;
}

/**
 * One of the callers who wait for a shared answer. It gets the answer whole; or, where that cannot
 * be, it stands between its caller and a call of its own.
 */
export class WaitingCaller implements Sink, CallControl {
  readonly call: Call;
  readonly #sink: Sink;
  readonly #leave: (caller: WaitingCaller, reason: unknown) => void;
  /** Of the call whose answer flows here, once there is one. */
  #control: CallControl | undefined;
  #ended = false;
  /** There, as `Sink` says, only when the caller's sink has it. */
  readonly rewind?: () => void;

  /** @param leave Told once, when the caller goes away while it waits. */
  constructor(call: Call, sink: Sink, leave: (caller: WaitingCaller, reason: unknown) => void) {
    this.call = call;
    this.#sink = sink;
    this.#leave = leave;
    if (sink.rewind !== undefined) this.rewind = () => sink.rewind?.();
  }

  /** Tells the caller; by then it may have gone. */
  wait(): void {
    const { signal } = this.call;
    signal?.addEventListener('abort', this);
    this.#sink.start(this);
    if (signal?.aborted === true) this.handleEvent();
  }

  get ended(): boolean {
    return this.#ended;
  }

  abort(reason?: unknown): void {
    if (this.#ended) return;
    if (this.#control !== undefined) {
      this.#control.abort(reason);
      return;
    }
    this.#leave(this, reason);
    this.fail(callAborted(this.call.service, reason));
  }

  /** The caller's signal. */
  handleEvent(): void {
    this.abort(this.call.signal?.reason);
  }

  resume(): void {
    this.#control?.resume();
  }

  /** Each caller has its own copy: heads and bodies are theirs to change. */
  answer({ head, body, trailers }: WholeAnswer): void {
    const { status, statusText, headers } = head;
    this.#sink.head({ status, statusText, headers: [...headers] });
    if (body.length > 0 && !this.#ended) this.#sink.data(Buffer.from(body));
    if (!this.#ended) this.end(trailers);
  }

  start(control: CallControl): void {
    this.#control = control;
  }

  head(head: ResponseHead): void {
    this.#sink.head(head);
  }

  data(chunk: Buffer): boolean {
    return this.#ended || this.#sink.data(chunk);
  }

  end(trailers: HeaderPairs): void {
    this.#close();
    this.#sink.end(trailers);
  }

  fail(error: MeshError): void {
    if (this.#ended) return;
    this.#close();
    this.#sink.fail(error);
  }

  #close(): void {
    this.#ended = true;
    this.call.signal?.removeEventListener('abort', this);
  }
}
