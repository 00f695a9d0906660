import type { Clock, Logger, Observer, Timer } from '@inmesh/core';
import type { TelemetryAdapter } from './adapter.ts';
import { labelText } from './label-text.ts';
import type { RecorderReader } from './recorder.ts';
import type { Signal, TelemetryPolicy, TelemetrySource } from './telemetry/telemetry-policy.ts';

/** A failing adapter rests 1 s, then twice as long each time, at most this. */
const maxRestMs = 60_000;
const firstRestMs = 1_000;
/** Inside a call, longer than this is slow: 1,000 such calls a second would take the process. */
const slowObserverMs = 50;
/** So many slow turns among so many are a failure. A single one may be the machine's, or the compiler's. */
const slowTurns = 3;
const amongTurns = 100;

export interface GuardOptions {
  readonly recorder: RecorderReader;
  readonly telemetry: TelemetrySource;
  readonly logger: Logger;
  readonly deadlineMs: number;
}

/** One adapter behind a fence: it is called while it behaves and left alone for a while when it does not. */
export class GuardedAdapter {
  readonly #adapter: TelemetryAdapter;
  readonly #observer: Observer;
  readonly #options: GuardOptions;
  readonly #clock: Clock;
  #failures = 0;
  /** Failures since the last time that it worked. */
  #inARow = 0;
  /** Monotonic milliseconds until which it is left alone. */
  #restsUntil = 0;
  /** Turns since `#slow` was last set to 0. */
  #turns = 0;
  #slow = 0;
  #flushing = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(adapter: TelemetryAdapter, options: GuardOptions) {
    this.#adapter = adapter;
    this.#observer = adapter.observer ?? {};
    this.#options = options;
    this.#clock = options.recorder.clock;
  }

  get name(): string {
    return this.#adapter.name;
  }

  /** '' for one that no resource switches. */
  get signal(): Signal | '' {
    return this.#adapter.signal ?? '';
  }

  get failures(): number {
    return this.#failures;
  }

  hears(kind: keyof Observer): boolean {
    return this.#observer[kind] !== undefined;
  }

  start(): void {
    try {
      this.#adapter.start?.(this.#options.telemetry);
    } catch (error) {
      this.#failed('start', error);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#adapter.flush === undefined || this.#closed) return;
    this.#timer = this.#clock.setTimer(() => {
      if (!this.#flushing && !this.#rests() && this.#isWanted()) void this.#flush();
      this.#schedule();
    }, this.#adapter.flushEveryMs ?? 10_000);
  }

  /** Whether a resource lets either side's numbers through to it. */
  #isWanted(): boolean {
    const { signal, name } = this;
    if (signal === '') return true;
    const { client, server }: TelemetryPolicy = this.#options.telemetry.current;
    return client[signal].reaches(name) || server[signal].reaches(name);
  }

  /** Hands `ended` to the adapter's observer, unless it has no such method or rests. */
  tell<Kind extends keyof Observer>(
    kind: Kind,
    ended: Parameters<Required<Observer>[Kind]>[0],
  ): void {
    const observer = this.#observer as Partial<Record<Kind, (ended: unknown) => void>>;
    if (observer[kind] === undefined || this.#rests()) return;
    const began = this.#now();
    try {
      observer[kind](ended);
    } catch (error) {
      this.#failed(kind, error);
      return;
    }
    this.#took(kind, this.#now() - began);
  }

  #took(kind: string, tookMs: number): void {
    this.#turns += 1;
    if (this.#turns > amongTurns) {
      this.#turns = 0;
      this.#slow = 0;
    }
    if (tookMs <= slowObserverMs) {
      if (this.#slow === 0) this.#inARow = 0;
      return;
    }
    this.#slow += 1;
    if (this.#slow < slowTurns) return;
    this.#turns = 0;
    this.#slow = 0;
    this.#failed(
      kind,
      new Error(`took ${Math.round(tookMs)} ms inside a call, not for the first time`),
    );
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    if (!this.#flushing && this.#adapter.flush !== undefined) await this.#flush();
    const close = Promise.resolve().then(() => this.#adapter.close?.());
    await this.#withinDeadline('close', close);
    this.#restsUntil = Number.POSITIVE_INFINITY;
  }

  /** A flush that is late counts as failed, and the next one still waits until it has settled. */
  async #flush(): Promise<void> {
    this.#flushing = true;
    const flush = Promise.resolve().then(() => this.#adapter.flush?.(this.#options.recorder));
    const settled = (): void => {
      this.#flushing = false;
    };
    flush.then(settled, settled);
    await this.#withinDeadline('flush', flush);
  }

  /** Waits for `work` to settle, at most `deadlineMs`. Never rejects. */
  async #withinDeadline(what: string, work: Promise<void>): Promise<void> {
    const { deadlineMs } = this.#options;
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.setTimer(
        () => reject(new Error(`not done within ${deadlineMs} ms`)),
        deadlineMs,
      );
    });
    try {
      await Promise.race([work, late]);
      this.#inARow = 0;
    } catch (error) {
      this.#failed(what, error);
    } finally {
      timer?.cancel();
    }
  }

  #failed(what: string, error: unknown): void {
    this.#failures += 1;
    this.#inARow += 1;
    const restMs = Math.min(firstRestMs * 2 ** (this.#inARow - 1), maxRestMs);
    this.#restsUntil = this.#now() + restMs;
    const reason = labelText(error instanceof Error ? error.message : String(error));
    this.#options.logger.warn(
      { adapter: this.name, in: what, reason, restMs, failures: this.#failures },
      'a metrics adapter failed and is left alone for a while',
    );
  }

  #rests(): boolean {
    return this.#restsUntil !== 0 && this.#restsUntil > this.#now();
  }

  #now(): number {
    return this.#clock.now();
  }
}
