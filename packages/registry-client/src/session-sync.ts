import type { MeshError, ServiceName, Subscriptions, Timer } from '@inmesh/core';
import type { ConfigCache } from './config-cache.ts';
import type { HttpConnection } from './http-connection.ts';
import type { ResolvedOptions } from './options.ts';
import { reconnectDelayMs } from './reconnect-delay.ts';
import type { Registrations } from './registrations.ts';
import { isTransient } from './registry-error.ts';
import type { ServiceCache } from './service-cache.ts';
import { type Session, sessionPath } from './session.ts';

/** Changes come in bursts (an application that starts follows all it calls): one request takes them. */
const gatherMs = 5;

export interface SessionSyncOptions {
  readonly options: ResolvedOptions;
  readonly connection: HttpConnection;
  readonly session: Session;
  readonly cache: ServiceCache;
  readonly config: ConfigCache | undefined;
  readonly registrations: Registrations;
  /** The registry knows of new subscriptions: their snapshots are due. */
  readonly onSubscribed: (services: ReadonlySet<ServiceName>) => void;
  /** The server forgot the session. */
  readonly onSessionUnknown: (error: MeshError) => void;
}

type SyncState = 'idle' | 'running' | 'running-again' | 'closed';

/**
 * Keeps one session told what this process follows and registers. One request at a time; what
 * fails is tried again in place, because a server that is slow for a while gains nothing from a
 * client that tears everything down and starts over.
 */
export class SessionSync {
  readonly #context: SessionSyncOptions;
  #subscribed: ReadonlySet<ServiceName> | undefined;
  /** Gaps of the configuration that the registry was told of. */
  #configGaps = 0;
  #state: SyncState = 'idle';
  #timer: Timer | undefined;
  #timerAt: number = Number.POSITIVE_INFINITY;
  #failures = 0;

  constructor(context: SessionSyncOptions) {
    this.#context = context;
  }

  /** Tells the subscriptions, if they changed. Throws `MeshError`. */
  async subscribe(): Promise<void> {
    const { cache, config, connection, session } = this.#context;
    const configGaps = config?.gaps ?? 0;
    const told = this.#subscribed !== undefined && sameSet(this.#subscribed, cache.followed);
    if (told && configGaps === this.#configGaps) return;
    const services = new Set(cache.followed);
    await connection.send({
      method: 'PUT',
      path: sessionPath(session, '/subscriptions'),
      what: 'subscribe',
      body: {
        services: [...services],
        ...(config === undefined ? {} : { config: { revision: config.base } }),
      } satisfies Subscriptions,
    });
    this.#configGaps = configGaps;
    this.#subscribed = services;
    cache.subscribed(services);
    this.#context.onSubscribed(services);
  }

  /** Something changed that the session should know: it will soon, or at the latest after `withinMs`. */
  poke(withinMs: number = gatherMs): void {
    if (this.#state === 'running') this.#state = 'running-again';
    else if (this.#state === 'idle') this.#schedule(withinMs);
  }

  close(): void {
    this.#state = 'closed';
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    const { clock } = this.#context.options;
    const at = clock.now() + delayMs;
    if (at >= this.#timerAt) return; // what waits already comes sooner
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = clock.setTimer(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      void this.#run();
    }, delayMs);
  }

  async #run(): Promise<void> {
    if (this.#state !== 'idle') return;
    this.#state = 'running';
    const retryInMs = await this.#round();
    // Reading the field anew: it changes while the round is under way.
    const state = this.#state as SyncState;
    if (state === 'closed') return;
    this.#state = 'idle';
    if (retryInMs !== undefined) this.#schedule(retryInMs);
    else if (state === 'running-again') this.#schedule(gatherMs);
  }

  /** Tells everything once; gives when to try again, if that is needed. */
  async #round(): Promise<number | undefined> {
    const { connection, registrations, session, options } = this.#context;
    try {
      await this.subscribe();
      const refused = await registrations.sync(session.token, (request) =>
        connection.send(request),
      );
      if (!refused) {
        this.#failures = 0;
        return undefined;
      }
    } catch (error) {
      if (this.#state === 'closed') return undefined;
      const reason = error as MeshError;
      if (reason.code === 'session_unknown') {
        this.#context.onSessionUnknown(reason);
        return undefined;
      }
      const log = isTransient(reason) ? options.logger.warn : options.logger.error;
      log.call(options.logger, { err: reason }, 'the registry could not be told; trying again');
    }
    this.#failures += 1;
    return reconnectDelayMs(this.#failures, {
      initialMs: options.reconnectInitialMs,
      maxMs: options.reconnectMaxMs,
      random: options.random,
    });
  }
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size !== b.size) return false;
  for (const each of a) if (!b.has(each)) return false;
  return true;
}
