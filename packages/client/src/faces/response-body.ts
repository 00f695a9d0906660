import type { CallControl } from '@inmesh/core';

/** Who reads a body. */
export interface BodyConsumer {
  /** `false` asks for a pause until `ResponseBody.resume()`. */
  chunk(chunk: Buffer): boolean;
  end(): void;
  error(error: unknown): void;
}

/** How much of a body is kept while nobody reads it; then the upstream has to wait. */
const maxUnreadBytes = 64 * 1024;

/**
 * A body between the transport that delivers it and a consumer that may come later. A small body
 * has ended before anybody could ask for it; a long one is held back.
 */
export class ResponseBody {
  #control: CallControl | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #error: unknown = undefined;
  #consumer: BodyConsumer | undefined = undefined;

  constructor(control: CallControl | undefined) {
    this.#control = control;
  }

  /** Everything, when it has all come already and nobody took it. */
  takeWhole(): readonly Buffer[] | undefined {
    if (this.#state !== 'ended' || this.#consumer !== undefined) return undefined;
    return this.#chunks;
  }

  /** From the transport. */
  push(chunk: Buffer): boolean {
    if (this.#consumer !== undefined) return this.#consumer.chunk(chunk);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes <= maxUnreadBytes;
  }

  end(): void {
    this.#state = 'ended';
    this.#control = undefined;
    this.#consumer?.end();
  }

  fail(error: unknown): void {
    this.#state = 'failed';
    this.#error = error;
    this.#control = undefined;
    this.#consumer?.error(error);
  }

  /** Hands everything, what came already first, to `consumer`. Only once. */
  attach(consumer: BodyConsumer): void {
    this.#consumer = consumer;
    const chunks = this.#chunks;
    this.#chunks = [];
    let more = true;
    for (const chunk of chunks) more = consumer.chunk(chunk);
    if (this.#state === 'ended') consumer.end();
    else if (this.#state === 'failed') consumer.error(this.#error);
    else if (more) this.resume();
  }

  resume(): void {
    this.#control?.resume();
  }

  /** Nobody wants the rest. */
  abort(reason?: unknown): void {
    this.#control?.abort(reason);
  }
}

/** All chunks of a body. Rejects with what it failed with. */
export function collect(body: ResponseBody): Promise<readonly Buffer[]> {
  const whole = body.takeWhole();
  if (whole !== undefined) return Promise.resolve(whole);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    body.attach({
      chunk(chunk) {
        chunks.push(chunk);
        return true;
      },
      end: () => resolve(chunks),
      error: reject,
    });
  });
}
