import type { Clock, Logger, Timer } from '@inmesh/core';
import { type SnapshotContents, writeSnapshotFile } from './snapshot-file.ts';

/** Changes within a second make one write. */
const gatherMs = 1_000;
/** Lists that do not change are confirmed all the time; the file says so at least this often. */
const refreshMs = 600_000;
/** Writing takes at most this share of the time, however large the lists are. */
const costRatio = 0.02;

export interface SnapshotWriterOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What to write, asked at the time of writing. */
  readonly contents: () => SnapshotContents;
}

/** Writes lists and configuration down after they changed, never twice at a time. */
export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #dirty = false;
  #writing: Promise<void> | undefined;
  #pauseMs = gatherMs;
  #failing = false;
  #closed = false;

  constructor(options: SnapshotWriterOptions) {
    this.#options = options;
  }

  /** A list or the configuration changed. */
  changed(): void {
    this.#dirty = true;
    if (this.#writing === undefined) this.#schedule(this.#pauseMs);
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing;
    if (this.#dirty) await this.#write();
  }

  #schedule(delayMs: number): void {
    const at = this.#options.clock.now() + delayMs;
    if (this.#closed || at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        this.#schedule(this.#dirty ? this.#pauseMs : refreshMs);
      });
    }, delayMs);
  }

  async #write(): Promise<void> {
    const { path, clock, logger, contents } = this.#options;
    const startedAt = clock.now();
    this.#dirty = false;
    try {
      await writeSnapshotFile(path, contents(), { now: startedAt, wallNow: clock.wallNow() });
      this.#failing = false;
    } catch (error) {
      // Once: a full disk stays full, and the lists in memory are what counts.
      if (!this.#failing) logger.warn({ err: error, path }, 'the snapshot file cannot be written');
      this.#failing = true;
    }
    this.#pauseMs = Math.max(gatherMs, (clock.now() - startedAt) / costRatio);
  }
}
