import { type Clock, type Logger, MeshError, type MeshEvent, type Observer } from '@inmesh/core';
import type { RegistryState } from './registry-link.ts';
import { Waits } from './waits.ts';

export interface SourceLinkOptions {
  /** What the link is to, for errors and logs: `eureka`. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: Observer;
}

/** How a source stands with whoever knows the endpoints, and who is told when that changes. */
export class SourceLink {
  readonly name: string;
  readonly #options: SourceLinkOptions;
  readonly #waits: Waits;
  #state: RegistryState;
  #isOpen = true;

  constructor(options: SourceLinkOptions) {
    this.name = options.name;
    this.#options = options;
    this.#waits = new Waits(options.clock);
    this.#state = { kind: 'connecting', since: options.clock.now() };
  }

  get state(): RegistryState {
    return this.#state;
  }

  /** Not any more as soon as the source begins to close. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Throws `closed`. */
  checkOpen(): void {
    if (!this.#isOpen) throw new MeshError('closed', `${this.name}: closed`);
  }

  /** `server` answered. */
  found(server: string): void {
    const before = this.#state;
    if (!this.#isOpen || (before.kind === 'connected' && before.server === server)) return;
    this.#become({ kind: 'connected', since: this.#options.clock.now(), server });
    if (before.kind === 'lost') this.#emit({ kind: 'registry-found', server });
  }

  /** Nobody answered. */
  lost(error: MeshError): void {
    if (!this.#isOpen) return;
    const before = this.#state;
    const { clock, logger } = this.#options;
    this.#become({
      kind: 'lost',
      since: before.kind === 'lost' ? before.since : clock.now(),
      error,
    });
    if (before.kind === 'lost') return;
    logger.warn({ err: error }, `${this.name}: away; lists stay as they are`);
    this.#emit({ kind: 'registry-lost', error });
  }

  /** Resolves once `holds`, asked whenever the state changes. Rejects with `start_timeout`, or `closed`. */
  async started(holds: () => boolean, timeoutMs: number, why: string): Promise<void> {
    await this.#waits.until(holds, timeoutMs, () => {
      const cause = this.#state.kind === 'lost' ? { cause: this.#state.error } : {};
      return new MeshError('start_timeout', `${this.name}: ${why}`, cause);
    });
  }

  /** Nothing changes the state from now on but `close`. */
  leave(): void {
    this.#isOpen = false;
  }

  close(): void {
    this.leave();
    this.#become({ kind: 'closed', since: this.#options.clock.now() });
    this.#waits.close();
  }

  #become(state: RegistryState): void {
    this.#state = state;
    this.#waits.check();
  }

  #emit(event: MeshEvent): void {
    const { observer, logger } = this.#options;
    try {
      observer.event?.(event);
    } catch (error) {
      logger.error({ err: error, event: event.kind }, 'an observer threw');
    }
  }
}
