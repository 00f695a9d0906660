import type { Clock, RefusalList, RefusalReport, Report } from '@inmesh/core';

/** So many are kept: a page of them, and the answer to "what happened just now". */
const kept = 500;

interface Kept {
  readonly at: number;
  readonly service: string;
  readonly version: string;
  readonly refusal: RefusalReport;
}

/** The last refusals of all processes. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #entries: Kept[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take({ service, version, refusals = [] }: Report): void {
    const now = this.#clock.now();
    for (const refusal of refusals) {
      this.#entries.push({ at: now - refusal.agoMs, service, version, refusal });
    }
    if (this.#entries.length > kept) this.#entries.splice(0, this.#entries.length - kept);
  }

  /** Newest first. @param service Only of this one. */
  list(limit: number, service?: string): RefusalList {
    const now = this.#clock.now();
    const found = this.#entries
      .filter((entry) => service === undefined || entry.service === service)
      .sort((a, b) => b.at - a.at)
      .slice(0, limit);
    return {
      refusals: found.map(({ at, service: of, version, refusal }) => ({
        ...refusal,
        service: of,
        version,
        agoMs: Math.round(now - at),
      })),
    };
  }
}
