import { MeshError, type TapOrder, type TrustState } from '@inmesh/core';
import type { AttachmentEnd } from './attachment-end.ts';
import type { ConfigCache } from './config-cache.ts';
import type { HttpConnection } from './http-connection.ts';
import type { ResolvedOptions } from './options.ts';
import { unavailableError } from './registry-error.ts';
import type { Applied, ServiceCache } from './service-cache.ts';
import { type Session, sessionPath } from './session.ts';
import { type SseEvent, SseParser } from './sse-parser.ts';
import type { ToldValue } from './told-value.ts';
import { FrameFault, readFrame, type WatchFrame } from './watch-frame.ts';
import { Watchdog } from './watchdog.ts';

export interface WatchStreamOptions {
  readonly options: ResolvedOptions;
  readonly cache: ServiceCache;
  readonly config: ConfigCache | undefined;
  readonly trust: ToldValue<TrustState>;
  readonly taps: ToldValue<readonly TapOrder[]>;
  readonly session: Session;
  /** The configuration is to be asked for whole. */
  readonly onConfigGap: () => void;
  readonly onEnd: (end: AttachmentEnd) => void;
}

/** One open watch stream: reads its frames and hands them to the cache. */
export class WatchStream {
  readonly #context: WatchStreamOptions;
  readonly #parser: SseParser;
  readonly #where: string;
  #watchdog: Watchdog | undefined;
  #greeted: (() => void) | undefined;
  #failed: ((error: MeshError) => void) | undefined;
  #stopped = false;

  constructor(context: WatchStreamOptions) {
    this.#context = context;
    this.#where = `registry ${context.session.server.origin}`;
    this.#parser = new SseParser({
      maxEventLength: context.options.maxFrameLength,
      onEvent: (event) => this.#event(event),
    });
  }

  /** Resolves once the server said hello. Throws `MeshError`. */
  async open(connection: HttpConnection): Promise<void> {
    const { session, cache, options } = this.#context;
    // The time for hello is the watchdog's, too: an open stream that says nothing is no stream.
    this.#watch(options.requestTimeoutMs);
    const hello = new Promise<void>((resolve, reject) => {
      this.#greeted = resolve;
      this.#failed = reject;
    });
    hello.catch(() => {}); // it may fail before anyone waits for it
    await connection.open(
      { method: 'GET', path: sessionPath(session, '/watch'), what: 'watch' },
      cache.resumable ? session.lastEventId : undefined,
      {
        chunk: (bytes) => this.#chunk(bytes),
        end: (error) => this.#end({ kind: 'cut', error }),
      },
    );
    await hello;
  }

  stop(): void {
    this.#stopped = true;
    this.#watchdog?.stop();
    this.#failed?.(new MeshError('closed', `${this.#where}: closed`));
  }

  #chunk(bytes: Uint8Array): void {
    this.#watchdog?.heard();
    this.#context.cache.heard();
    try {
      this.#parser.push(bytes);
    } catch (error) {
      throw unavailableError(this.#context.session.server.origin, 'watch', error);
    }
  }

  #event(event: SseEvent): void {
    if (this.#stopped) return;
    let frame: WatchFrame | undefined;
    try {
      frame = readFrame(event);
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error;
      if (event.event === 'trust' || event.event === 'taps') {
        // The endpoints are not to suffer for it, and whom we trusted we still trust.
        this.#context.options.logger.error(
          { err: error, frame: event.event },
          'the registry sent what cannot be read; what it told before holds',
        );
        return;
      }
      if (event.event.startsWith('config-')) {
        this.#configFault(event.event, error);
        return;
      }
      this.#gap(`sent a ${event.event} that cannot be read (${error.message})`);
      return;
    }
    if (frame === undefined) return;
    if (this.#apply(frame) === 'gap') {
      this.#gap(`sent a ${frame.kind} that does not follow what came before`);
    } else if (event.id !== '') {
      this.#context.session.lastEventId = event.id;
    }
  }

  #apply(frame: WatchFrame): Applied {
    const { cache, config, trust, taps, options } = this.#context;
    switch (frame.kind) {
      case 'hello':
        this.#watch(3 * frame.keepAliveMs);
        cache.hello(frame);
        if (taps.current !== undefined) taps.take([]);
        this.#greeted?.();
        return 'applied';
      case 'snapshot':
      case 'delta':
        if (frame.faults.length > 0) {
          options.logger.error(
            { service: frame.service, faults: frame.faults.slice(0, 10) },
            'the registry sent endpoints that cannot be read; they are left out',
          );
        }
        return frame.kind === 'snapshot' ? cache.snapshot(frame) : cache.delta(frame);
      case 'config-snapshot':
        config?.snapshot(frame);
        return 'applied';
      case 'config-delta':
        if (config?.delta(frame) === false) this.#context.onConfigGap();
        return 'applied';
      case 'trust':
        trust.take({ bundle: frame.bundle, revoked: frame.revoked });
        return 'applied';
      case 'taps':
        taps.take(frame.taps);
        return 'applied';
      case 'settled':
        cache.settled();
        return 'applied';
      case 'goodbye':
        this.#end({
          kind: 'gone',
          error: new MeshError('registry_unavailable', `${this.#where} said that it stops`),
        });
        return 'applied';
    }
  }

  #watch(limitMs: number): void {
    this.#watchdog?.stop();
    this.#watchdog = new Watchdog({
      clock: this.#context.options.clock,
      limitMs,
      onSilent: () =>
        this.#end({
          kind: 'cut',
          error: new MeshError(
            'registry_unavailable',
            `${this.#where} was silent for ${limitMs} ms`,
          ),
        }),
    });
  }

  /** The endpoints are not to suffer for it: the stream goes on. */
  #configFault(kind: string, error: FrameFault): void {
    const { config, options, onConfigGap } = this.#context;
    if (config === undefined) return;
    options.logger.error(
      { err: error, frame: kind, kept: config.current?.revision },
      'the registry sent a configuration that cannot be read; the last good one is kept',
    );
    config.missed();
    onConfigGap();
  }

  #gap(what: string): void {
    this.#end({
      kind: 'gap',
      error: new MeshError('protocol_error', `${this.#where} ${what}; asking for all again`),
    });
  }

  #end(end: AttachmentEnd): void {
    if (this.#stopped) return;
    this.#failed?.(end.error);
    this.stop();
    this.#context.onEnd(end);
  }
}
