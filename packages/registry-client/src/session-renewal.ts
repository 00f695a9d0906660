import type { MeshError, Timer } from '@inmesh/core';
import type { HttpConnection } from './http-connection.ts';
import type { ResolvedOptions } from './options.ts';
import { type Session, sessionPath } from './session.ts';

export interface SessionRenewalOptions {
  readonly options: ResolvedOptions;
  readonly connection: HttpConnection;
  readonly session: Session;
  /** The server forgot the session: after a restart, or because this process was blocked too long. */
  readonly onUnknown: (error: MeshError) => void;
  /** No renewal got through for a whole TTL. */
  readonly onGivenUp: (error: MeshError) => void;
}

/**
 * Renews one session: a little earlier than it must be, each time by another share, so that
 * processes that were started together drift apart.
 */
export class SessionRenewal {
  readonly #context: SessionRenewalOptions;
  #renewedAt: number;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(context: SessionRenewalOptions) {
    this.#context = context;
    this.#renewedAt = context.options.clock.now();
    this.#schedule(context.session.renewEveryMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(withinMs: number): void {
    if (this.#stopped) return;
    const { clock, random } = this.#context.options;
    this.#timer = clock.setTimer(() => void this.#renew(), withinMs * (0.8 + 0.2 * random()));
  }

  async #renew(): Promise<void> {
    const { connection, session, options } = this.#context;
    try {
      await connection.send({
        method: 'PUT',
        path: sessionPath(session),
        what: 'renew the session',
      });
      this.#renewedAt = options.clock.now();
      this.#schedule(session.renewEveryMs);
    } catch (error) {
      this.#failed(error as MeshError);
    }
  }

  #failed(error: MeshError): void {
    if (this.#stopped) return;
    const { session, options } = this.#context;
    if (error.code === 'session_unknown') {
      this.#context.onUnknown(error);
    } else if (options.clock.now() - this.#renewedAt >= session.ttlMs) {
      this.#context.onGivenUp(error);
    } else {
      options.logger.warn({ err: error }, 'a renewal failed; trying again');
      // A third of the interval leaves room for several tries before the TTL ends.
      this.#schedule(session.renewEveryMs / 3);
    }
  }
}
