import type { Call, CallControl, HeaderPairs, ResponseHead, Sink } from '@inmesh/core';
import { type MeshError, meshHeaders } from '@inmesh/core';
import type { CallFallback } from './call-fallback.ts';
import type { FallbackCall } from './fallback-call.ts';
import type { FallbackPlan } from './fallbacks.ts';
import { HeldAnswer } from './held-answer.ts';
import { isKeepable, type KeptResponse, keyOf } from './kept-response.ts';

/** The sink of the call itself: passes a good answer on, and keeps it where a fallback wants it. */
export class FirstLeg implements Sink {
  readonly #owner: FallbackCall;
  readonly #plan: FallbackPlan;
  readonly #call: Call;
  #sink: Sink;
  #control: CallControl | undefined;
  #head: ResponseHead | undefined;
  #recording: Buffer[] | undefined;
  #recorded = 0;
  /** There, as `Sink` says, only when the caller's sink has it. */
  readonly rewind?: () => void;

  constructor(owner: FallbackCall, plan: FallbackPlan, call: Call, sink: Sink) {
    this.#owner = owner;
    this.#plan = plan;
    this.#call = call;
    this.#sink = sink;
    if (sink.rewind !== undefined) {
      this.rewind = () => {
        this.#head = undefined;
        sink.rewind?.();
      };
    }
  }

  start(control: CallControl): void {
    this.#control = control;
    this.#owner.started(control);
  }

  head(head: ResponseHead): void {
    if (this.#plan.isFailure(head.status)) {
      const held = new HeldAnswer(head, this.#control as CallControl);
      this.#sink = held;
      this.#owner.failed({ status: head.status, error: undefined }, held);
      return;
    }
    this.#head = head;
    this.#recording = this.#plan.stores.size > 0 && isKeepable(head) ? [] : undefined;
    this.#recorded = 0;
    this.#sink.head(head);
  }

  data(chunk: Buffer): boolean {
    if (this.#recording !== undefined) {
      // A copy: the chunk is the caller's to change.
      this.#recording.push(Buffer.from(chunk));
      this.#recorded += chunk.length;
      if (this.#recorded > this.#mostBytes()) this.#recording = undefined;
    }
    return this.#sink.data(chunk);
  }

  end(trailers: HeaderPairs): void {
    if (this.#recording !== undefined) this.#keep(this.#recording);
    this.#sink.end(trailers);
  }

  fail(error: MeshError): void {
    // What was handed on cannot be taken back, unless the sink says so.
    if (this.#sink instanceof HeldAnswer || (this.#head !== undefined && !this.rewind)) {
      this.#sink.fail(error);
      return;
    }
    if (this.#head !== undefined) this.rewind?.();
    this.#owner.failed({ status: 0, error }, undefined);
  }

  #mostBytes(): number {
    let most = 0;
    for (const { maxBodyBytes } of this.#lastGoods()) most = Math.max(most, maxBodyBytes);
    return most;
  }

  #keep(chunks: Buffer[]): void {
    const { status, headers } = this.#head as ResponseHead;
    const kept: KeptResponse = { status, headers, body: Buffer.concat(chunks) };
    for (const fallback of this.#lastGoods()) {
      if (kept.body.length > fallback.maxBodyBytes) continue;
      try {
        const key = keyOf(fallback, this.#call);
        if (key === undefined) continue;
        this.#plan.stores.get(fallback)?.keep(key, kept, this.#plan.clock.now());
      } catch {
        // A key that cannot be made is met again, and told, when the fallback is needed.
      }
    }
  }

  #lastGoods(): Iterable<CallFallback & { kind: 'last-good' }> {
    return this.#plan.stores.keys() as Iterable<CallFallback & { kind: 'last-good' }>;
  }
}

/** The sink of a call to another service: passes its answer on, unless it is a failure too. */
export class FallbackLeg implements Sink {
  readonly #owner: FallbackCall;
  readonly #isFailure: (status: number) => boolean;
  readonly #sink: Sink;
  readonly #onStart: (control: CallControl) => void;
  #phase: 'waiting' | 'answering' | 'failed' = 'waiting';

  constructor(
    owner: FallbackCall,
    isFailure: (status: number) => boolean,
    sink: Sink,
    onStart: (control: CallControl) => void,
  ) {
    this.#owner = owner;
    this.#isFailure = isFailure;
    this.#sink = sink;
    this.#onStart = onStart;
  }

  start(control: CallControl): void {
    this.#onStart(control);
  }

  head(head: ResponseHead): void {
    if (this.#isFailure(head.status)) {
      this.#phase = 'failed';
      this.#owner.fallbackFailed(new Error(`the other service answered ${head.status}`));
      return;
    }
    this.#phase = 'answering';
    this.#owner.answering();
    const headers = [...head.headers, meshHeaders.fallback, 'service'];
    this.#sink.head({ status: head.status, statusText: head.statusText, headers });
  }

  data(chunk: Buffer): boolean {
    return this.#phase === 'failed' || this.#sink.data(chunk);
  }

  end(trailers: HeaderPairs): void {
    if (this.#phase !== 'failed') this.#sink.end(trailers);
  }

  fail(error: MeshError): void {
    if (this.#phase === 'waiting') this.#owner.fallbackFailed(error);
    else if (this.#phase === 'answering') this.#sink.fail(error);
  }
}
