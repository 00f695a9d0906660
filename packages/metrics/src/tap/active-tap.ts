import type {
  EndedCall,
  EndedRequest,
  Random,
  TapDirection,
  TapOrder,
  TappedCall,
  TappedCalls,
} from '@inmesh/core';
import { isFailure } from '../edge.ts';

/** Of one message: what else there is waits for the next, or is counted only. */
const maxCalls = 50;
const windowMs = 1_000;

type Seen = Omit<TappedCall, 'agoMs'>;

/** One tap of this process: which calls fit it, and how many of them may still be told. */
export class ActiveTap {
  readonly name: string;
  #order: TapOrder;
  /** Monotonic milliseconds. */
  #endsAt: number;
  #calls: { readonly seen: Seen; readonly at: number }[] = [];
  #skipped = 0;
  #windowEndsAt = 0;
  #inWindow = 0;
  #telling = false;

  constructor(order: TapOrder, now: number) {
    this.name = order.tap;
    this.#order = order;
    this.#endsAt = now + order.endsInMs;
  }

  get endsAt(): number {
    return this.#endsAt;
  }

  /** Whether there is something to tell. */
  get waits(): boolean {
    return this.#calls.length > 0 || this.#skipped > 0;
  }

  renew(order: TapOrder, now: number): void {
    this.#order = order;
    this.#endsAt = now + order.endsInMs;
  }

  /** Whether a call that ended is to be told. One that fits and comes too soon is counted. */
  wants(direction: TapDirection, ended: EndedCall | EndedRequest, random: Random): boolean {
    const { sampleRatio = 1, perSecond } = this.#order;
    if (!this.#fits(direction, ended)) return false;
    if (sampleRatio < 1 && random() >= sampleRatio) return false;
    if (ended.endedAt >= this.#windowEndsAt) {
      this.#windowEndsAt = ended.endedAt + windowMs;
      this.#inWindow = 0;
    }
    if (this.#inWindow < perSecond && this.#calls.length < maxCalls) {
      this.#inWindow += 1;
      return true;
    }
    this.#skipped += 1;
    return false;
  }

  add(seen: Seen, at: number): void {
    this.#calls.push({ seen, at });
  }

  /** What there is to tell; `undefined` for nothing, and until the last of it was `told()`. */
  take(now: number): TappedCalls | undefined {
    if (this.#telling || !this.waits) return undefined;
    this.#telling = true;
    const calls = this.#calls.map(({ seen, at }) => ({
      ...seen,
      agoMs: Math.max(0, Math.round(now - at)),
    }));
    const skipped = this.#skipped;
    this.#calls = [];
    this.#skipped = 0;
    return { tap: this.name, calls, skipped };
  }

  told(): void {
    this.#telling = false;
  }

  #fits(direction: TapDirection, ended: EndedCall | EndedRequest): boolean {
    const { direction: wanted, method, path, failedOnly } = this.#order;
    return (
      (wanted === undefined || wanted === direction) &&
      (method === undefined || method === ended.method) &&
      (path === undefined || ended.path.startsWith(path)) &&
      (failedOnly !== true || isFailure(ended.status, ended.flag))
    );
  }
}
