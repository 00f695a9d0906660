import { type Clock, isMeshError, type Logger, type Timer } from '@inmesh/core';
import type { SharedWrite } from '../store/shared-store.ts';
import type { StoreMirror } from '../store/store-mirror.ts';

export interface KeyWriterOptions {
  readonly mirror: StoreMirror;
  /** Goes into every commit, so that only the one who may write does. `undefined`: not now. */
  readonly guard: () => SharedWrite | undefined;
  /** What is to be written of a key by now, with the revision that it expects. `undefined`: nothing. */
  readonly plan: (key: string) => SharedWrite | undefined;
  /** `key` is as it was planned (`undefined`: there was nothing to write), and was not marked again since. */
  readonly onWritten: (key: string, write: SharedWrite | undefined) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** etcd takes 128 operations in a transaction unless told otherwise. */
const batchSize = 100;
/** After a conflict: the change that caused it is on its way to us. */
const conflictPauseMs = 20;
/** After a store that is away. Its return also wakes the writer. */
const awayPauseMs = 500;

/** Brings marked keys into the store, many in one commit, and again until it worked. */
export class KeyWriter {
  readonly #options: KeyWriterOptions;
  readonly #marked = new Set<string>();
  /** Keys whose common commit met a conflict go alone. */
  readonly #alone = new Set<string>();
  #state: 'idle' | 'running' | 'closed' = 'idle';
  #pause: Timer | undefined;

  constructor(options: KeyWriterOptions) {
    this.#options = options;
  }

  /** Keys that are not written yet. */
  get waiting(): number {
    return this.#marked.size;
  }

  mark(key: string): void {
    this.#marked.add(key);
    if (this.#pause === undefined) this.wake();
  }

  /** Goes on at once: what stood in the way may be gone. */
  wake(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    if (this.#state !== 'idle') return;
    this.#state = 'running';
    void this.#run();
  }

  close(): void {
    this.#state = 'closed';
    this.#pause?.cancel();
    this.#marked.clear();
  }

  async #run(): Promise<void> {
    // What is marked in one turn of the event loop is written together.
    await undefined;
    let pauseMs = 0;
    while (this.#state === 'running' && this.#marked.size > 0 && pauseMs === 0) {
      const guard = this.#options.guard();
      if (guard === undefined) break;
      pauseMs = await this.#write(guard);
    }
    if (this.#state !== 'running') return;
    this.#state = 'idle';
    if (pauseMs === 0 || this.#pause !== undefined) return;
    this.#pause = this.#options.clock.setTimer(() => this.wake(), pauseMs);
  }

  /** Gives for how long to wait before the next. */
  async #write(guard: SharedWrite): Promise<number> {
    const { mirror, plan, logger } = this.#options;
    const keys = this.#nextKeys();
    const planned = new Map<string, SharedWrite | undefined>();
    for (const key of keys) {
      this.#marked.delete(key);
      planned.set(key, plan(key));
    }
    const writes = [...planned.values()].filter((write) => write !== undefined);
    try {
      if (writes.length > 0) await mirror.commit([...writes, guard]);
    } catch (error) {
      for (const key of keys) this.#marked.add(key);
      if (isMeshError(error, 'closed')) return awayPauseMs;
      const conflict = isMeshError(error, 'conflict');
      logger.debug({ err: error, keys: keys.length }, 'a commit failed: trying again');
      if (!conflict) return awayPauseMs;
      for (const key of keys) this.#alone.add(key);
      return keys.length > 1 ? 0 : conflictPauseMs;
    }
    for (const [key, write] of planned) {
      this.#alone.delete(key);
      if (!this.#marked.has(key)) this.#options.onWritten(key, write);
    }
    return 0;
  }

  #nextKeys(): string[] {
    const keys: string[] = [];
    for (const key of this.#marked) {
      if (this.#alone.has(key)) {
        if (keys.length === 0) return [key];
        break;
      }
      keys.push(key);
      if (keys.length === batchSize) break;
    }
    return keys;
  }
}
