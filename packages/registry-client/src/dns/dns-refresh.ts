import type { Endpoint, ServiceName, Timer } from '@inmesh/core';
import type { SourceLists } from '../source-lists.ts';
import type { DnsName } from './dns-names.ts';
import type { ResolvedDnsOptions } from './dns-options.ts';
import { lookUp } from './look-up.ts';

export interface DnsRefreshOptions {
  readonly service: ServiceName;
  readonly where: DnsName;
  readonly options: ResolvedDnsOptions;
  readonly lists: SourceLists;
  /** After each look-up, whatever came of it. */
  readonly onLooked: (error: Error | undefined) => void;
}

/** Keeps one service's list as new as DNS allows, one look-up at a time. */
export class DnsRefresh {
  readonly #context: DnsRefreshOptions;
  #timer: Timer | undefined;
  #changes = 0;
  #failures = 0;
  /** Since when DNS says that there is nothing, in monotonic milliseconds. */
  #goneSince: number | undefined;
  #stopped = false;

  constructor(context: DnsRefreshOptions) {
    this.#context = context;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    const { service, where, options, onLooked } = this.#context;
    const { minRefreshMs, maxRefreshMs } = options;
    let delayMs = maxRefreshMs;
    let failure: Error | undefined;
    try {
      const { endpoints, ttlMs = maxRefreshMs } = await lookUp(service, where, options.resolver);
      if (this.#stopped) return;
      this.#take(endpoints);
      this.#failures = 0;
      delayMs = Math.min(Math.max(ttlMs, minRefreshMs), maxRefreshMs);
    } catch (error) {
      if (this.#stopped) return;
      failure = error as Error;
      this.#failed(failure);
      delayMs = Math.min(minRefreshMs * 2 ** Math.min(this.#failures - 1, 20), maxRefreshMs);
    }
    // A little early, each time by another share: processes that started together drift apart.
    const jitter = 0.9 + 0.1 * options.random();
    this.#timer = options.clock.setTimer(
      () => void this.#run(),
      Math.max(minRefreshMs, delayMs * jitter),
    );
    onLooked(failure);
  }

  #take(endpoints: readonly Endpoint[]): void {
    const { service, lists, options } = this.#context;
    const now = options.clock.now();
    const known = lists.get(service);
    if (endpoints.length > 0) this.#goneSince = undefined;
    else if ((known?.endpoints.length ?? 0) > 0) {
      // A record that is being replaced is gone for a moment, and an empty list would be the end of all calls.
      this.#goneSince ??= now;
      if (now - this.#goneSince < options.goneHoldMs) {
        lists.goStale(service);
        return;
      }
    }
    if (JSON.stringify(known?.endpoints) === JSON.stringify(endpoints)) {
      lists.confirm(service);
      return;
    }
    this.#changes += 1;
    lists.publish(service, endpoints.length === 0 ? undefined : endpoints, String(this.#changes));
  }

  #failed(error: Error): void {
    const { service, lists, options } = this.#context;
    this.#failures += 1;
    // One answer that is lost is not worth telling.
    if (this.#failures < 2) return;
    lists.goStale(service);
    if (this.#failures === 2) {
      options.logger.warn({ err: error, service }, 'dns: cannot be asked; the list stays as it is');
    }
  }
}
