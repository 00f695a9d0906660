import type { Duplex } from 'node:stream';
import type { CallControl, HeaderPairs, MeshError, ResponseHead, Sink } from '@inmesh/core';
import type { Dispatcher } from 'undici';
import { parsePairs } from '../transport/upstream-head.ts';
import { parsedHeaders } from './request.ts';

/**
 * Hands a call's answer to one of undici's handlers, of either interface: Node's own fetch passes the
 * old one (`onConnect`, `onHeaders`, …) on Node 20 and 24 and the new one on 26. What a handler throws
 * aborts its call and nothing else.
 */
export class HandlerSink implements Sink, Dispatcher.DispatchController {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #isNew: boolean;
  #control: CallControl | undefined = undefined;
  #thrown: { readonly error: unknown } | undefined = undefined;
  #ended = false;
  /** What came in the same read as the head that the handler paused at. */
  readonly #held: Buffer[] = [];
  #heldEnd: HeaderPairs | undefined = undefined;
  aborted: boolean = false;
  paused: boolean = false;
  reason: Error | null = null;
  rawHeaders: Buffer[] | null = null;
  rawTrailers: Buffer[] | null = null;

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
    this.#isNew = typeof handler.onRequestStart === 'function';
  }

  // undici's controller

  abort(reason?: Error | null): void {
    if (this.aborted || this.#ended) return;
    this.aborted = true;
    this.reason = reason ?? new Error('the request was aborted');
    this.#control?.abort(this.reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    for (let chunk = this.#held.shift(); chunk !== undefined; chunk = this.#held.shift()) {
      if (!this.data(chunk)) return;
    }
    if (this.#heldEnd !== undefined) this.end(this.#heldEnd);
    else this.#control?.resume();
  }

  // our sink

  start(control: CallControl): void {
    this.#control = control;
    this.#guard(() => {
      if (this.#isNew) this.#handler.onRequestStart?.(this, {});
      else this.#handler.onConnect?.((reason) => this.abort(reason));
    });
  }

  head(head: ResponseHead): void {
    this.rawHeaders = toRaw(head.headers);
    this.#guard(() => {
      const handler = this.#handler;
      const { status, statusText } = head;
      if (this.#isNew) {
        handler.onResponseStart?.(this, status, copy(parsedHeaders(head)), statusText);
        return;
      }
      handler.onResponseStarted?.();
      const raw = this.rawHeaders as Buffer[];
      const more = handler.onHeaders?.(status, raw, () => this.resume(), statusText);
      if (more === false) this.pause();
    });
  }

  data(chunk: Buffer): boolean {
    if (this.paused) {
      this.#held.push(chunk);
      return false;
    }
    this.#guard(() => {
      if (this.#isNew) this.#handler.onResponseData?.(this, chunk);
      else if (this.#handler.onData?.(chunk) === false) this.pause();
    });
    return !this.paused;
  }

  end(trailers: HeaderPairs): void {
    if (this.paused) {
      this.#heldEnd = trailers;
      return;
    }
    this.#ended = true;
    this.rawTrailers = toRaw(trailers);
    this.#guard(() => {
      if (this.#isNew) this.#handler.onResponseEnd?.(this, copy(parsePairs(trailers)));
      else this.#handler.onComplete?.(trailers.length === 0 ? [] : [...trailers]);
    });
  }

  fail(error: MeshError): void {
    this.#ended = true;
    const told = (this.#thrown?.error ?? (this.aborted ? this.reason : error)) as Error;
    try {
      if (this.#isNew) this.#handler.onResponseError?.(this, told);
      else this.#handler.onError?.(told);
    } catch {
      // It was told of its end and failed on that too: there is nobody left to tell.
    }
  }

  upgrade(head: ResponseHead, socket: Duplex): void {
    this.#ended = true;
    this.rawHeaders = toRaw(head.headers);
    this.#guard(() => {
      if (this.#isNew) {
        this.#handler.onRequestUpgrade?.(this, head.status, copy(parsedHeaders(head)), socket);
      } else {
        this.#handler.onUpgrade?.(head.status, this.rawHeaders, socket);
      }
    });
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      const wasEnded = this.#ended;
      this.#thrown ??= { error };
      this.abort(error as Error);
      // After the end nothing else would come of it.
      if (wasEnded) this.fail(error as MeshError);
    }
  }
}

function toRaw(pairs: HeaderPairs): Buffer[] {
  return pairs.map((part) => Buffer.from(part, 'latin1'));
}

/** Handlers may keep and change what they get. */
function copy(headers: object): Record<string, string | string[]> {
  return { ...headers } as Record<string, string | string[]>;
}
