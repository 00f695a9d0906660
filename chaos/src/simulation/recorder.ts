import type { Endpoint, MeshEvent } from '@inmesh/core';
import type { CallEnd } from './simulated-call.ts';

/** What happened within one second of the simulation. */
export class Second {
  /** Calls that began. */
  offered = 0;
  /** Calls that ended well, and those that did not. */
  ok = 0;
  failed = 0;
  /** Attempts sent to the recorded service, by anybody. */
  attempts = 0;
  /** Of calls that ended well, in milliseconds. */
  readonly latencies: number[] = [];
}

/** Attempts on the recorded service up to some moment: all, and by endpoint id. */
export interface Tally {
  readonly all: number;
  readonly byEndpoint: ReadonlyMap<string, number>;
}

/** An event of the policies, and what had been sent until then. */
export interface RecordedEvent {
  readonly event: MeshEvent;
  readonly tally: Tally;
}

/** Counts, second by second, what the callers saw and what reached one service. */
export class Recorder {
  readonly seconds: Second[];
  readonly events: RecordedEvent[] = [];
  /** What had been sent at the moments that a scenario named. */
  readonly marks = new Map<string, Tally>();
  #all = 0;
  readonly #byEndpoint = new Map<string, number>();
  readonly #service: string;

  /** @param service The one whose attempts are counted: where the trouble is. */
  constructor(seconds: number, service: string) {
    this.seconds = Array.from({ length: seconds }, () => new Second());
    this.#service = service;
  }

  callStarted(now: number): void {
    this.#second(now).offered += 1;
  }

  callEnded({ flag }: CallEnd, startedAt: number, now: number): void {
    const second = this.#second(now);
    if (flag !== 'ok') {
      second.failed += 1;
      return;
    }
    second.ok += 1;
    second.latencies.push(now - startedAt);
  }

  attemptSent({ service, id }: Endpoint, now: number): void {
    if (service !== this.#service) return;
    this.#second(now).attempts += 1;
    this.#all += 1;
    this.#byEndpoint.set(id, (this.#byEndpoint.get(id) ?? 0) + 1);
  }

  happened(event: MeshEvent): void {
    this.events.push({ event, tally: this.tally() });
  }

  mark(name: string): void {
    this.marks.set(name, this.tally());
  }

  tally(): Tally {
    return { all: this.#all, byEndpoint: new Map(this.#byEndpoint) };
  }

  /** What happens exactly at the end belongs to the last second. */
  #second(now: number): Second {
    return this.seconds[Math.min(this.seconds.length - 1, Math.floor(now / 1_000))] as Second;
  }
}
