import {
  MeshError,
  type OpenSession,
  type ServiceName,
  type TapOrder,
  type Timer,
  type TrustState,
} from '@inmesh/core';
import type { AttachmentEnd } from './attachment-end.ts';
import type { ConfigCache } from './config-cache.ts';
import { HttpConnection } from './http-connection.ts';
import type { RegistryServer, ResolvedOptions } from './options.ts';
import type { Registrations } from './registrations.ts';
import type { ServiceCache } from './service-cache.ts';
import { readSession, type Session, sessionPath } from './session.ts';
import { SessionRenewal } from './session-renewal.ts';
import { SessionSync } from './session-sync.ts';
import type { ToldValue } from './told-value.ts';
import { WatchStream } from './watch-stream.ts';

export interface AttachmentOptions {
  readonly options: ResolvedOptions;
  readonly server: RegistryServer;
  readonly cache: ServiceCache;
  readonly config: ConfigCache | undefined;
  readonly trust: ToldValue<TrustState>;
  readonly taps: ToldValue<readonly TapOrder[]>;
  readonly registrations: Registrations;
  /** What is left of the last attachment, when it was to this server. */
  readonly session: Session | undefined;
  readonly onSession: (session: Session) => void;
  readonly onAttached: () => void;
}

/**
 * One connection to one server from first request to last: session, subscriptions, stream,
 * registrations, renewals. It never repairs itself; it ends, and says why.
 */
export class Attachment {
  /** Resolves when it is over. Never rejects. */
  readonly ended: Promise<AttachmentEnd>;
  readonly #context: AttachmentOptions;
  readonly #connection: HttpConnection;
  readonly #attaching: Promise<void>;
  #session: Session | undefined;
  #sync: SessionSync | undefined;
  #renewal: SessionRenewal | undefined;
  #stream: WatchStream | undefined;
  #subscribed: ReadonlySet<ServiceName> = new Set();
  #untoldTimer: Timer | undefined;
  #configAskedAt = Number.NEGATIVE_INFINITY;
  #state: 'attaching' | 'attached' | 'over' = 'attaching';
  #finish!: (end: AttachmentEnd) => void;

  constructor(context: AttachmentOptions) {
    this.#context = context;
    this.#connection = new HttpConnection(context.server, context.options);
    this.ended = new Promise((resolve) => {
      this.#finish = (end) => {
        this.#stop();
        resolve(end);
      };
    });
    this.#attaching = this.#attach().catch((error: MeshError) => {
      const kind = error.code === 'session_unknown' ? 'forgotten' : 'gone';
      this.#finish({ kind, error });
    });
  }

  /** What is followed or registered changed. */
  poke(): void {
    if (this.#state === 'attached') this.#sync?.poke();
  }

  /** Sends something of the session's own, `rest` below its path. Throws `MeshError`. */
  async send(path: (session: Session) => string, what: string, body: unknown): Promise<unknown> {
    if (this.#state !== 'attached' || this.#session === undefined) {
      throw new MeshError(
        'registry_unavailable',
        `registry ${this.#context.server.origin}: not attached, cannot ${what}`,
        { maybeProcessed: false },
      );
    }
    return this.#connection.send({ method: 'POST', path: path(this.#session), what, body });
  }

  /** Ends it at once. With `goodbye` the session ends too, if the server takes it within `closeTimeoutMs`. */
  async close(goodbye: boolean): Promise<void> {
    this.#sync?.close();
    this.#renewal?.stop();
    if (goodbye && this.#session !== undefined) {
      const { closeTimeoutMs, logger } = this.#context.options;
      await this.#connection
        .send({
          method: 'DELETE',
          path: sessionPath(this.#session),
          what: 'end the session',
          timeoutMs: closeTimeoutMs,
        })
        .catch((error: unknown) => logger.debug({ err: error }, 'the session ends by itself'));
    }
    this.#finish({ kind: 'cut', error: new MeshError('closed', 'registry client: closed') });
    await Promise.all([this.#attaching, this.#connection.destroy()]);
  }

  async #attach(): Promise<void> {
    const { options, cache, config, trust, taps, registrations } = this.#context;
    const session = await this.#openSession();
    this.#session = session;
    this.#context.onSession(session);
    const forgotten = (error: MeshError): void => this.#finish({ kind: 'forgotten', error });
    this.#sync = new SessionSync({
      options,
      connection: this.#connection,
      session,
      cache,
      config,
      registrations,
      onSubscribed: (services) => {
        this.#subscribed = services;
        this.#expectSnapshots();
      },
      onSessionUnknown: forgotten,
    });
    this.#renewal = new SessionRenewal({
      options,
      session,
      connection: this.#connection,
      onUnknown: forgotten,
      onGivenUp: (error) => this.#finish({ kind: 'gone', error }),
    });
    await this.#sync.subscribe();
    this.#stream = new WatchStream({
      options,
      cache,
      config,
      trust,
      taps,
      session,
      onConfigGap: () => this.#askForConfig(),
      onEnd: (end) => this.#finish(end),
    });
    await this.#stream.open(this.#connection);
    if (this.#state === 'over') return;
    this.#state = 'attached';
    this.#expectSnapshots();
    this.#context.onAttached();
    this.#sync.poke();
  }

  async #openSession(): Promise<Session> {
    const { server, session, options } = this.#context;
    if (session !== undefined && (await this.#renewed(session))) return session;
    const answer = await this.#connection.send({
      method: 'POST',
      path: '/v1/sessions',
      what: 'open a session',
      body: {
        client: options.client,
        ...(options.service === undefined ? {} : { service: options.service }),
      } satisfies OpenSession,
    });
    return readSession(server, answer);
  }

  async #renewed(session: Session): Promise<boolean> {
    try {
      await this.#connection.send({
        method: 'PUT',
        path: sessionPath(session),
        what: 'renew the session',
      });
      return true;
    } catch (error) {
      if ((error as MeshError).code === 'session_unknown') return false;
      throw error;
    }
  }

  /** Each followed service gets a snapshot; one that was lost on the way would never be missed otherwise. */
  #expectSnapshots(): void {
    const { options, cache, config } = this.#context;
    if (this.#state !== 'attached') return;
    this.#untoldTimer?.cancel();
    this.#untoldTimer = options.clock.setTimer(() => {
      if (config?.base === null) {
        config.missed();
        this.#askForConfig();
      }
      const untold = cache.untold(this.#subscribed);
      if (untold.length === 0) return;
      for (const entry of untold) entry.goStale();
      const names = untold.slice(0, 3).map((entry) => entry.service);
      this.#finish({
        kind: 'gap',
        error: new MeshError(
          'registry_unavailable',
          `registry ${this.#context.server.origin}: no snapshot of ${names.join(', ')} within ${options.requestTimeoutMs} ms; asking for all again`,
        ),
      });
    }, options.requestTimeoutMs);
  }

  /** At once the first time; a registry that answers with nonsense is not asked in a loop. */
  #askForConfig(): void {
    const { clock, requestTimeoutMs } = this.#context.options;
    const waitMs = Math.max(0, this.#configAskedAt + requestTimeoutMs - clock.now());
    this.#configAskedAt = clock.now() + waitMs;
    this.#sync?.poke(waitMs);
  }

  #stop(): void {
    this.#state = 'over';
    this.#untoldTimer?.cancel();
    this.#sync?.close();
    this.#renewal?.stop();
    this.#stream?.stop();
    void this.#connection.destroy();
  }
}
