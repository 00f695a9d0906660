import { randomBytes } from 'node:crypto';
import {
  type Clock,
  MeshError,
  type StartTap,
  serviceName,
  type TapOrder,
  type TappedCalls,
  type TapStarted,
} from '@inmesh/core';
import type { Session } from '../state/session.ts';
import type { StateObserver } from '../state/state-observer.ts';
import { Tap } from './tap.ts';

export interface TapTableOptions {
  readonly maxTaps: number;
  readonly clock: Clock;
  /** All sessions that are open. */
  readonly sessions: () => Iterable<Session>;
  /** Called when `ordersOf` the session has changed. */
  readonly onChange: (session: Session) => void;
}

/** Who looks at the calls of which service. */
export class TapTable implements StateObserver {
  readonly #options: TapTableOptions;
  /** By the key to their streams. */
  readonly #taps = new Map<string, Tap>();
  #begun = 0;

  constructor(options: TapTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#taps.size;
  }

  /** Throws `overloaded` when there are as many as may be. */
  begin({ service, namespace, perSecond = 20, forMs = 60_000, ...filter }: StartTap): TapStarted {
    const { maxTaps, clock, sessions } = this.#options;
    if (this.#taps.size >= maxTaps) {
      throw new MeshError(
        'overloaded',
        `registry: ${maxTaps} taps are open, the most there may be: wait for one to end, or raise limits.taps`,
      );
    }
    const id = randomBytes(18).toString('base64url');
    this.#begun += 1;
    const tap = new Tap({
      name: String(this.#begun),
      service: serviceName(service, namespace),
      filter,
      perSecond,
      forMs,
      clock,
      onEnd: () => {
        this.#taps.delete(id);
        this.#tell(tap);
      },
    });
    this.#taps.set(id, tap);
    for (const session of sessions()) tap.admit(session);
    this.#tell(tap);
    return { id, processes: tap.processes.size, endsInMs: forMs };
  }

  /** The tap of that key, whose stream nobody has opened. Throws `not_found`, `conflict`. */
  unopened(id: string): Tap {
    const tap = this.#taps.get(id);
    if (tap === undefined) {
      throw new MeshError('not_found', 'registry: there is no such tap: it has ended');
    }
    if (tap.isOpen) throw new MeshError('conflict', 'registry: this tap has a stream already');
    return tap;
  }

  /** What a process is to tell now. */
  ordersOf(session: Session): readonly TapOrder[] {
    return [...this.#taps.values()]
      .filter(({ processes }) => processes.has(session))
      .map((tap) => tap.order());
  }

  /** Throws `not_found` when that tap has ended, or is not one of this process. */
  take(session: Session, told: TappedCalls): void {
    const tap = [...this.#taps.values()].find(({ name }) => name === told.tap);
    if (tap === undefined || !tap.processes.has(session)) {
      throw new MeshError('not_found', 'registry: no such tap of this process: it has ended');
    }
    tap.take(session, told);
  }

  sessionOpened(session: Session): void {
    for (const tap of this.#taps.values()) {
      // Everybody's share has become smaller.
      if (tap.admit(session)) this.#tell(tap);
    }
  }

  sessionEnded(session: Session): void {
    for (const tap of this.#taps.values()) tap.forget(session);
  }

  /** Ends all of them. */
  close(): void {
    for (const tap of [...this.#taps.values()]) tap.end('closing');
  }

  #tell({ processes }: Tap): void {
    for (const session of processes) this.#options.onChange(session);
  }
}
