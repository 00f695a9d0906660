import {
  type Clock,
  type Logger,
  MeshError,
  type Registration,
  type RegistrationAccepted,
  type Timer,
} from '@inmesh/core';
import type { RegistryRequest } from './http-connection.ts';
import {
  checkRegistration,
  type NewRegistration,
  prepareRegistration,
  type RegistrationChange,
  type RegistrationHandle,
  type RegistrationState,
} from './registration.ts';
import { isTransient } from './registry-error.ts';

export interface RegistrationsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a caller waits for the registry's word. */
  readonly timeoutMs: number;
  /** Whether there is no registry to wait for. */
  readonly isAway: () => boolean;
  /** There is something to tell. */
  readonly onChange: () => void;
}

interface Waiter {
  resolve(): void;
  reject(error: MeshError): void;
  readonly timer: Timer;
}

interface Entry {
  readonly id: string;
  /** What shall be; `undefined` once it shall be gone. */
  desired: Registration | undefined;
  /** What a registry took last, over all sessions. */
  accepted: Registration | undefined;
  /** What the present session was told. */
  told: Registration | undefined;
  /** Whether the present session may have heard of it, answered or not. */
  sent: boolean;
  state: RegistrationState;
  readonly waiters: Set<Waiter>;
}

/** What this process wants to be registered, and how far the present session has been told. */
export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #entries = new Map<string, Entry>();
  #session = '';

  constructor(options: RegistrationsOptions) {
    this.#options = options;
  }

  async register(input: NewRegistration): Promise<RegistrationHandle> {
    const { id, registration } = prepareRegistration(input);
    if (this.#entries.has(id)) {
      throw new MeshError(
        'conflict',
        `registration ${JSON.stringify(id)} exists: update its handle`,
      );
    }
    const entry: Entry = {
      id,
      desired: registration,
      accepted: undefined,
      told: undefined,
      sent: false,
      state: { kind: 'pending' },
      waiters: new Set(),
    };
    this.#entries.set(id, entry);
    await this.#change(entry);
    return this.#handle(entry);
  }

  /**
   * Tells the session what it does not know yet, one by one. Throws when it cannot go on; gives
   * whether a registration that was good once was refused, which is worth another try later.
   */
  async sync(
    session: string,
    send: (request: RegistryRequest) => Promise<unknown>,
  ): Promise<boolean> {
    if (session !== this.#session) {
      this.#session = session;
      for (const entry of this.#entries.values()) {
        entry.told = undefined;
        entry.sent = false;
      }
    }
    let refused = false;
    for (const entry of [...this.#entries.values()]) {
      if (entry.told === entry.desired && entry.desired !== undefined) continue;
      try {
        await this.#tell(entry, send);
      } catch (error) {
        const reason = error as MeshError;
        if (isTransient(reason) || reason.code === 'session_unknown') throw reason;
        refused = this.#refuse(entry, reason) || refused;
      }
    }
    return refused;
  }

  /** Nobody waits for a registry that is away. */
  stopWaiting(): void {
    for (const entry of this.#entries.values()) settle(entry, (waiter) => waiter.resolve());
  }

  async #tell(entry: Entry, send: (request: RegistryRequest) => Promise<unknown>): Promise<void> {
    const { id, desired } = entry;
    const path = `/v1/sessions/${this.#session}/registrations/${encodeURIComponent(id)}`;
    if (desired === undefined) {
      // A session that was never told has nothing to take back.
      if (entry.sent) await send({ method: 'DELETE', path, what: `deregister ${id}` });
      this.#remove(entry);
      return;
    }
    entry.sent = true;
    const answer = await send({ method: 'PUT', path, what: `register ${id}`, body: desired });
    entry.told = desired;
    entry.accepted = desired;
    if (entry.desired !== desired) return; // changed meanwhile: told by the next round
    const { revision } = (answer ?? {}) as Partial<RegistrationAccepted>;
    entry.state = { kind: 'registered', revision: String(revision ?? '') };
    settle(entry, (waiter) => waiter.resolve());
  }

  /** Goes back to what the registry took last; `true` when that itself is refused now. */
  #refuse(entry: Entry, error: MeshError): boolean {
    if (entry.state.kind !== 'refused') {
      this.#options.logger.error(
        { err: error, endpoint: entry.id },
        'the registry refused an endpoint',
      );
    }
    if (entry.desired === undefined) {
      this.#remove(entry); // what it will not take back goes with the session
      return false;
    }
    const first = entry.accepted === undefined;
    const again = !first && entry.desired === entry.accepted;
    if (first) this.#entries.delete(entry.id);
    entry.desired = entry.accepted;
    if (first || again) entry.state = { kind: 'refused', error };
    settle(entry, (waiter) => waiter.reject(error));
    return again || (!first && entry.told !== entry.desired);
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.id);
    entry.state = { kind: 'deregistered' };
    settle(entry, (waiter) => waiter.resolve());
  }

  #change(entry: Entry): Promise<void> {
    this.#options.onChange();
    if (this.#options.isAway()) return Promise.resolve();
    return new Promise<void>((resolve, reject) => {
      // It keeps the process: whoever awaits this is not done.
      const timer = this.#options.clock.setTimer(
        () => {
          entry.waiters.delete(waiter);
          resolve();
        },
        this.#options.timeoutMs,
        { keepAlive: true },
      );
      const waiter: Waiter = { resolve, reject, timer };
      entry.waiters.add(waiter);
    });
  }

  #handle(entry: Entry): RegistrationHandle {
    const update = async (change: RegistrationChange): Promise<void> => {
      if (entry.desired === undefined || this.#entries.get(entry.id) !== entry) {
        throw new MeshError(
          'closed',
          `registration ${JSON.stringify(entry.id)} is gone: register the endpoint anew`,
        );
      }
      // Whom it serves stays, whatever a caller without types says.
      const { service, namespace } = entry.desired;
      const desired: Registration = {
        ...entry.desired,
        ...change,
        service,
        ...(namespace === undefined ? {} : { namespace }),
      };
      checkRegistration(entry.id, desired);
      entry.desired = Object.freeze(desired);
      await this.#change(entry);
    };
    return {
      id: entry.id,
      get state() {
        return entry.state;
      },
      update,
      drain: () => update({ status: 'draining' }),
      deregister: async () => {
        if (this.#entries.get(entry.id) !== entry) return;
        entry.desired = undefined;
        if (!entry.sent) this.#remove(entry);
        else await this.#change(entry);
      },
    };
  }
}

function settle(entry: Entry, how: (waiter: Waiter) => void): void {
  for (const waiter of entry.waiters) {
    waiter.timer.cancel();
    how(waiter);
  }
  entry.waiters.clear();
}
