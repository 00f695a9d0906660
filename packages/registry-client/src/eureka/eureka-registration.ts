import { endpointOf, MeshError, type Registration, type Timer } from '@inmesh/core';
import { instanceJson, instanceOf } from '@inmesh/core/eureka';
import { reconnectDelayMs } from '../reconnect-delay.ts';
import {
  checkRegistration,
  type RegistrationChange,
  type RegistrationHandle,
  type RegistrationState,
} from '../registration.ts';
import type { ResolvedEurekaOptions } from './eureka-options.ts';
import type { EurekaServers } from './eureka-servers.ts';

/** A lease is lost after so many renewals were. */
const renewalsPerLease = 3;

/** One endpoint of this process at a Eureka: registered, renewed, and registered again when it was forgotten. */
export class EurekaRegistration implements RegistrationHandle {
  readonly id: string;
  readonly #options: ResolvedEurekaOptions;
  readonly #servers: EurekaServers;
  readonly #onEnd: () => void;
  #registration: Registration;
  #state: RegistrationState = { kind: 'pending' };
  #timer: Timer | undefined;
  #failures = 0;
  /** Wall-clock milliseconds of the last change: by it a server tells an old word from a new one. */
  #changedAt = 0;
  /** Requests for one instance go one after the other: an old word must not arrive last. */
  #turn: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(
    id: string,
    registration: Registration,
    context: { options: ResolvedEurekaOptions; servers: EurekaServers; onEnd: () => void },
  ) {
    this.id = id;
    this.#registration = registration;
    this.#options = context.options;
    this.#servers = context.servers;
    this.#onEnd = context.onEnd;
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** Resolves when a server has it, or when none can be asked: then it is told later. Throws what a server refuses. */
  async begin(): Promise<void> {
    await this.#change(this.#registration);
  }

  async update(change: RegistrationChange): Promise<void> {
    if (this.#ended) {
      throw new MeshError('closed', `registration ${JSON.stringify(this.id)} is gone`);
    }
    const next = { ...this.#registration, ...change };
    checkRegistration(this.id, next);
    await this.#change(next);
  }

  drain(): Promise<void> {
    return this.update({ status: 'draining' });
  }

  async deregister(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.#onEnd();
    this.#state = { kind: 'deregistered' };
    await this.#inTurn(() =>
      this.#servers.ask({
        method: 'DELETE',
        path: this.#path,
        what: `cancel ${this.id}`,
        accept: [404],
      }),
    );
  }

  async #change(next: Registration): Promise<void> {
    const before = this.#registration;
    this.#registration = next;
    // Never the same twice, however fast changes follow each other.
    this.#changedAt = Math.max(this.#changedAt + 1, Math.round(this.#options.clock.wallNow()));
    try {
      await this.#inTurn(() => this.#register());
      this.#scheduleRenewal();
    } catch (error) {
      if ((error as MeshError).code === 'registry_unavailable') {
        this.#failed(error);
        return;
      }
      this.#registration = before;
      throw error;
    }
  }

  async #register(): Promise<void> {
    const instance = instanceOf(
      endpointOf(this.id, this.#registration),
      undefined,
      this.#changedAt,
      () => undefined,
    );
    const leaseInfo = {
      renewalIntervalInSecs: Math.ceil(this.#options.renewIntervalMs / 1_000),
      durationInSecs: Math.ceil((renewalsPerLease * this.#options.renewIntervalMs) / 1_000),
    };
    const fields = instanceJson({ ...instance, leaseInfo }, 'ADDED');
    await this.#servers.ask({
      method: 'POST',
      path: `/apps/${instance.app}`,
      what: `register ${this.id}`,
      // Some servers know it by its older spelling only, and fail without it.
      body: { instance: { ...fields, overriddenstatus: 'UNKNOWN' } },
    });
    this.#state = { kind: 'registered', revision: String(this.#changedAt) };
    this.#failures = 0;
  }

  async #renew(): Promise<void> {
    const status = this.#registration.status === 'draining' ? 'OUT_OF_SERVICE' : 'UP';
    const { status: answered } = await this.#servers.ask({
      method: 'PUT',
      path: `${this.#path}?status=${status}&lastDirtyTimestamp=${this.#changedAt}`,
      what: `renew ${this.id}`,
      accept: [404],
    });
    if (answered === 404) await this.#register();
    this.#failures = 0;
  }

  get #path(): string {
    return `/apps/${this.#registration.service.toUpperCase()}/${encodeURIComponent(this.id)}`;
  }

  #scheduleRenewal(delayMs = this.#options.renewIntervalMs * (0.9 + this.#options.random() / 10)) {
    this.#timer?.cancel();
    if (this.#ended) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#inTurn(() => (this.#ended ? Promise.resolve() : this.#renew())).then(
        () => this.#scheduleRenewal(),
        (error: unknown) => this.#failed(error),
      );
    }, delayMs);
  }

  #failed(error: unknown): void {
    if (this.#ended) return;
    if (this.#failures === 0) {
      this.#options.logger.warn({ err: error, endpoint: this.id }, 'eureka: not registered');
    }
    this.#failures += 1;
    const { renewIntervalMs: maxMs, random } = this.#options;
    this.#scheduleRenewal(
      reconnectDelayMs(this.#failures, { initialMs: Math.min(1_000, maxMs), maxMs, random }),
    );
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}
