import { MeshError, type ServiceName, splitServiceName, type Timer } from '@inmesh/core';
import { reconnectDelayMs } from '../reconnect-delay.ts';
import type { SourceLists } from '../source-lists.ts';
import { type ApiClient, GoneError } from './api-client.ts';
import type { ResolvedKubernetesOptions } from './kubernetes-options.ts';
import { readServiceFacts } from './service-facts.ts';
import { type EndpointSlice, endpointsOf, podsOf, type ServiceFacts } from './slice-endpoints.ts';

const pageSize = 500;

interface SliceList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items?: readonly EndpointSlice[];
}

type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: EndpointSlice & Versioned }
  | { readonly type: 'BOOKMARK'; readonly object: Versioned }
  | {
      readonly type: 'ERROR';
      readonly object: { readonly code?: number; readonly message?: string };
    };

interface Versioned {
  readonly metadata: { readonly resourceVersion: string };
}

export interface SliceWatchOptions {
  readonly service: ServiceName;
  readonly options: ResolvedKubernetesOptions;
  readonly api: ApiClient;
  readonly lists: SourceLists;
  /** The API server answered, or not. */
  readonly onAnswer: (error: MeshError | undefined) => void;
}

/** Keeps one service's list: lists its slices, then watches them from there, for ever. */
export class SliceWatch {
  readonly #context: SliceWatchOptions;
  readonly #stopped = new AbortController();
  readonly #slices = new Map<string, EndpointSlice>();
  /** From where the watch goes on; `undefined` is to list. */
  #resourceVersion: string | undefined;
  #facts: ServiceFacts | undefined;
  #failures = 0;
  #timer: Timer | undefined;
  #publishing: Promise<void> | undefined;
  #changedAgain = false;

  constructor(context: SliceWatchOptions) {
    this.#context = context;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopped.abort();
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    try {
      if (this.#resourceVersion === undefined) await this.#list();
      this.#context.onAnswer(undefined);
      await this.#watch();
      this.#failures = 0;
      this.#again(0);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      if (error instanceof GoneError) {
        // Too much happened meanwhile. Not a failure: what is known stays until the new list is here.
        this.#resourceVersion = undefined;
        this.#again(0);
        return;
      }
      this.#failures += 1;
      this.#failed(error as MeshError);
      this.#again(this.#failures);
    }
  }

  /** A cut that the first try mends is not worth telling. */
  #failed(error: MeshError): void {
    const { service, lists, onAnswer, options } = this.#context;
    if (this.#failures < 2) return;
    lists.goStale(service);
    if (error.code === 'registry_unavailable' || error.code === 'unauthenticated') onAnswer(error);
    else if (this.#failures === 2) {
      options.logger.error({ err: error, service }, 'kubernetes: a service cannot be followed');
    }
  }

  /** Even a watch that ended well is not followed by another at once: a server that ends all would be flooded. */
  #again(failures: number): void {
    if (this.#stopped.signal.aborted) return;
    const { clock, random, reconnectInitialMs, reconnectMaxMs } = this.#context.options;
    const delayMs = reconnectDelayMs(Math.max(1, failures), {
      initialMs: failures === 0 ? reconnectInitialMs / 4 : reconnectInitialMs,
      maxMs: reconnectMaxMs,
      random,
    });
    this.#timer = clock.setTimer(() => void this.#run(), delayMs);
  }

  async #list(): Promise<void> {
    const slices = new Map<string, EndpointSlice>();
    let resourceVersion = '';
    let next = '';
    do {
      const query = this.#query({ limit: String(pageSize) });
      if (next !== '') query.set('continue', next);
      const path = `${this.#path}?${query}`;
      const page = (await this.#context.api.get(path, 'list endpoint slices')) as SliceList;
      for (const slice of page.items ?? []) slices.set(slice.metadata.name, slice);
      resourceVersion = page.metadata.resourceVersion;
      next = page.metadata.continue ?? '';
    } while (next !== '');
    this.#slices.clear();
    for (const [name, slice] of slices) this.#slices.set(name, slice);
    this.#resourceVersion = resourceVersion;
    // Ports and labels may have changed as well.
    this.#facts = undefined;
    await this.#publish();
  }

  async #watch(): Promise<void> {
    const { api, options, lists, service } = this.#context;
    const query = this.#query({
      watch: '1',
      resourceVersion: this.#resourceVersion ?? '',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.round(options.watchTimeoutMs / 1_000)),
    });
    await api.watch(
      { path: `${this.#path}?${query}`, what: 'watch endpoint slices' },
      {
        open: () => lists.confirm(service),
        event: (event) => {
          this.#failures = 0;
          lists.confirm(service);
          this.#take(event as WatchEvent);
        },
      },
      this.#stopped.signal,
    );
  }

  #take(event: WatchEvent): void {
    if (event.type === 'ERROR') {
      const { code, message = 'unknown' } = event.object;
      if (code === 410) throw new GoneError(message);
      throw new MeshError('registry_unavailable', `kubernetes: the watch failed: ${message}`);
    }
    this.#resourceVersion = event.object.metadata.resourceVersion;
    if (event.type === 'BOOKMARK') return;
    const { name } = event.object.metadata;
    if (event.type === 'DELETED') this.#slices.delete(name);
    else this.#slices.set(name, event.object);
    void this.#publish();
  }

  /** One at a time; changes that come meanwhile are told together. */
  #publish(): Promise<void> {
    if (this.#publishing !== undefined) {
      this.#changedAgain = true;
      return this.#publishing;
    }
    this.#publishing = this.#publishNow().finally(() => {
      this.#publishing = undefined;
      if (!this.#changedAgain || this.#stopped.signal.aborted) return;
      this.#changedAgain = false;
      void this.#publish();
    });
    return this.#publishing;
  }

  async #publishNow(): Promise<void> {
    const { api, lists, service, options } = this.#context;
    const { name, namespace } = splitServiceName(service);
    const { logger } = options;
    if (!this.#knowsPods()) {
      try {
        this.#facts = await readServiceFacts(api, namespace, name, logger);
      } catch (error) {
        // Endpoints without labels are better than none; the next change asks again.
        logger.warn({ err: error, service }, 'kubernetes: labels could not be read');
      }
    }
    if (this.#stopped.signal.aborted) return;
    const unknown = this.#facts === undefined && this.#slices.size === 0;
    const facts = this.#facts ?? { namespace, name, servicePorts: new Map(), pods: new Map() };
    const endpoints = endpointsOf(this.#slices.values(), facts);
    lists.publish(service, unknown ? undefined : endpoints, this.#resourceVersion ?? '');
  }

  #knowsPods(): boolean {
    if (this.#facts === undefined) return false;
    for (const uid of podsOf(this.#slices.values())) if (!this.#facts.pods.has(uid)) return false;
    return true;
  }

  get #path(): string {
    const { namespace } = splitServiceName(this.#context.service);
    return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  }

  #query(more: Record<string, string>): URLSearchParams {
    const { name } = splitServiceName(this.#context.service);
    return new URLSearchParams({ labelSelector: `kubernetes.io/service-name=${name}`, ...more });
  }
}
