import { MeshError } from '@inmesh/core';

/** How far a reporter's clock may run ahead of ours since it was pinned: two seconds of jitter on the way. */
const maxLeadSeconds = 2;
/** Clocks drift apart by at most a second in hours; pinning anew costs a step of a second in a chart. */
const pinForSeconds = 600;

/**
 * Tells which of our seconds a reporter's are. The two clocks count from anywhere; they are pinned
 * together by the first report, so that the seconds of those that follow neither overlap nor leave
 * gaps, however long each was on the way.
 */
export class ReporterClock {
  #offset: number | undefined;
  #pinnedAt = 0;

  /**
   * What to add to the reporter's seconds.
   * @param newest The reporter's newest whole second. @param now Our second that is under way.
   * Throws `invalid_argument` for one that has not been yet: the clock is pinned anew by the next report.
   */
  offset(newest: number, now: number): number {
    if (this.#offset === undefined || now - this.#pinnedAt >= pinForSeconds) {
      this.#offset = now - 1 - newest;
      this.#pinnedAt = now;
    }
    const leadSeconds = newest + this.#offset - (now - 1);
    if (leadSeconds <= maxLeadSeconds) return this.#offset;
    this.#offset = undefined;
    throw new MeshError(
      'invalid_argument',
      `registry: the report is from the future: its second ${newest} is ${leadSeconds} s ahead of the time that passed since this session's first report`,
      { path: '/second' },
    );
  }
}
