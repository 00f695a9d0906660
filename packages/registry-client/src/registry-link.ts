import { MeshError, type MeshEvent, type TapOrder, type TrustState } from '@inmesh/core';
import { Attachment } from './attachment.ts';
import type { AttachmentEnd } from './attachment-end.ts';
import type { ConfigCache } from './config-cache.ts';
import type { RegistryServer, ResolvedOptions } from './options.ts';
import { reconnectDelayMs } from './reconnect-delay.ts';
import type { Registrations } from './registrations.ts';
import type { ServiceCache } from './service-cache.ts';
import type { Session } from './session.ts';
import type { ToldValue } from './told-value.ts';

/** How this process stands with its registry. `since` is monotonic milliseconds. */
export type RegistryState =
  /** Not there yet, or between two connections; nothing is known to be wrong. */
  | { readonly kind: 'connecting'; readonly since: number }
  | {
      readonly kind: 'connected';
      readonly since: number;
      /** `http://127.0.0.1:8761` */
      readonly server: string;
    }
  /** No server could be reached: lists are stale, and the next try is coming. */
  | { readonly kind: 'lost'; readonly since: number; readonly error: MeshError }
  | { readonly kind: 'closed'; readonly since: number };

export interface RegistryLinkOptions {
  readonly options: ResolvedOptions;
  readonly cache: ServiceCache;
  readonly config: ConfigCache | undefined;
  readonly trust: ToldValue<TrustState>;
  readonly taps: ToldValue<readonly TapOrder[]>;
  readonly registrations: Registrations;
  readonly onState: (state: RegistryState) => void;
}

/** Keeps this process attached to one of the servers: one attachment after the other, for ever. */
export class RegistryLink {
  readonly #context: RegistryLinkOptions;
  #state: RegistryState;
  #server: number;
  #session: Session | undefined;
  #attachment: Attachment | undefined;
  #retry: { cancel(): void } | undefined;
  /** Ends in a row that no stable connection came between. */
  #ends = 0;
  /** Tries in a row that did not attach. */
  #failures = 0;

  constructor(context: RegistryLinkOptions) {
    const { clock, random, servers } = context.options;
    this.#context = context;
    this.#state = { kind: 'connecting', since: clock.now() };
    // Each client begins elsewhere, or the first server would have them all.
    this.#server = Math.floor(random() * servers.length);
  }

  get state(): RegistryState {
    return this.#state;
  }

  start(): void {
    if (this.#state.kind !== 'closed') this.#attach();
  }

  /** What is followed or registered changed. */
  poke(): void {
    this.#attachment?.poke();
  }

  /** Posts something, tried once. Throws `MeshError`; `registry_unavailable` while there is no session. */
  async send(path: (session: Session) => string, what: string, body: unknown): Promise<unknown> {
    if (this.#attachment !== undefined) return await this.#attachment.send(path, what, body);
    throw new MeshError('registry_unavailable', `registry client: not attached, cannot ${what}`, {
      maybeProcessed: false,
    });
  }

  async close(): Promise<void> {
    const goodbye = this.#state.kind !== 'lost';
    this.#become({ kind: 'closed', since: this.#now() });
    this.#retry?.cancel();
    await this.#attachment?.close(goodbye);
  }

  #attach(): void {
    const { options, cache, config, trust, taps, registrations } = this.#context;
    const server = options.servers[this.#server] as RegistryServer;
    const attachment = new Attachment({
      options,
      server,
      cache,
      config,
      trust,
      taps,
      registrations,
      session: this.#session?.server === server ? this.#session : undefined,
      onSession: (session) => {
        this.#session = session;
      },
      onAttached: () => this.#attached(server),
    });
    this.#attachment = attachment;
    void attachment.ended.then((end) => this.#ended(end));
  }

  #attached(server: RegistryServer): void {
    if (this.#state.kind === 'closed') return;
    const found = this.#state.kind === 'lost';
    this.#failures = 0;
    this.#become({ kind: 'connected', since: this.#now(), server: server.origin });
    this.#context.options.logger.info({ server: server.origin }, 'attached to the registry');
    if (found) this.#emit({ kind: 'registry-found', server: server.origin });
  }

  #ended(end: AttachmentEnd): void {
    this.#attachment = undefined;
    if (this.#state.kind === 'closed') return;
    const { options, cache } = this.#context;
    // The first of an outage is news; the tries that follow it are not.
    const log = this.#state.kind === 'lost' ? options.logger.debug : options.logger.warn;
    log.call(options.logger, { err: end.error, reason: end.kind }, 'not attached to the registry');
    if (end.kind === 'forgotten') this.#session = undefined;
    if (end.kind === 'gap') {
      cache.forgetBases();
      if (this.#session !== undefined) this.#session.lastEventId = undefined;
    }
    if (end.kind === 'gone') this.#server = (this.#server + 1) % options.servers.length;
    if (this.#state.kind === 'connected') this.#detached(this.#state.since);
    else this.#failed(end.error);
    this.#ends += 1;
    this.#retry = options.clock.setTimer(() => this.#attach(), this.#delayMs());
  }

  #detached(since: number): void {
    // A connection that lasted was good; one that is cut again and again must not be tried in a frenzy.
    if (this.#now() - since >= this.#context.options.reconnectMaxMs) this.#ends = 0;
    this.#become({ kind: 'connecting', since: this.#now() });
  }

  #failed(error: MeshError): void {
    this.#failures += 1;
    if (this.#state.kind === 'lost') {
      this.#become({ kind: 'lost', since: this.#state.since, error });
    } else if (this.#failures >= this.#context.options.servers.length) {
      this.#become({ kind: 'lost', since: this.#now(), error });
      this.#context.cache.goStale();
      this.#context.registrations.stopWaiting();
      this.#emit({ kind: 'registry-lost', error });
    }
  }

  /** The wait grows by the round, not by the server: the next one may be well. */
  #delayMs(): number {
    const { servers, reconnectInitialMs, reconnectMaxMs, random } = this.#context.options;
    return reconnectDelayMs(Math.ceil(this.#ends / servers.length), {
      initialMs: reconnectInitialMs,
      maxMs: reconnectMaxMs,
      random,
    });
  }

  #become(state: RegistryState): void {
    this.#state = state;
    this.#context.onState(state);
  }

  #emit(event: MeshEvent): void {
    const { observer, logger } = this.#context.options;
    try {
      observer.event?.(event);
    } catch (error) {
      logger.error({ err: error, event: event.kind }, 'an observer threw');
    }
  }

  #now(): number {
    return this.#context.options.clock.now();
  }
}
