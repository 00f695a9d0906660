import { isDeepStrictEqual } from 'node:util';
import type {
  Clock,
  Endpoint,
  EndpointList,
  EndpointListener,
  Logger,
  ServiceName,
  WireRevision,
} from '@inmesh/core';
import type { DeltaFrame, SnapshotFrame, ToldEndpoints } from './watch-frame.ts';

/** What all entries of one cache share. */
export interface EntryContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly flapHoldMs: number;
  /** Monotonic milliseconds of the registry's last sign of life. */
  heardAt: number;
}

/**
 * What is known of one service. Endpoints leave it in two ways only: the registry said so by a
 * tombstone, or a complete list of a settled registry went without them.
 */
export class ServiceEntry {
  readonly service: ServiceName;
  readonly listeners: Set<EndpointListener> = new Set();
  wasFollowed = false;
  /** The last list published. */
  list: EndpointList | undefined;
  /** What deltas build on; `undefined` until this connection's snapshot came. */
  base: WireRevision | undefined;
  readonly #context: EntryContext;
  readonly #endpoints = new Map<string, Endpoint>();
  /** Endpoints that a registry which still settles has not told again. */
  readonly #unconfirmed = new Set<string>();
  /** Endpoints that were removed while up, and when they leave for good. */
  readonly #held = new Map<string, number>();
  /** For showing: of the last change, also where it is no base for deltas any more. */
  #revision = '';
  #known = false;
  #knownOnceSettled = false;
  #publications = 0;
  /** Whether the registry stands behind the list at present. */
  #told = false;

  constructor(service: ServiceName, context: EntryContext) {
    this.service = service;
    this.#context = context;
  }

  get unconfirmed(): boolean {
    return this.#unconfirmed.size > 0;
  }

  get holding(): boolean {
    return this.#held.size > 0;
  }

  /** Fills an entry with what a former process knew. */
  restore(endpoints: readonly Endpoint[], revision: string, asOf: number): void {
    for (const endpoint of endpoints) this.#endpoints.set(endpoint.id, endpoint);
    this.#revision = revision;
    this.#known = true;
    this.#publish(true, asOf);
  }

  /** Takes a whole list; `replace` is false while absence proves nothing, and then it only adds. */
  applySnapshot(frame: SnapshotFrame, replace: boolean): void {
    const present = new Set(frame.unreadable);
    for (const endpoint of frame.endpoints) present.add(endpoint.id);
    let changed = this.#upsert(frame);
    this.#unconfirmed.clear();
    for (const id of [...this.#endpoints.keys()]) {
      if (present.has(id) || this.#held.has(id)) continue;
      if (replace) changed = this.#remove(id) || changed;
      else this.#unconfirmed.add(id);
    }
    this.#knownOnceSettled = frame.known;
    if (replace || frame.known) this.#known = frame.known;
    this.#tell(frame.revision);
    // An empty answer of a registry that still settles is no answer.
    if (replace || this.#endpoints.size > 0) this.#publish(changed);
  }

  applyDelta(frame: DeltaFrame): void {
    let changed = this.#upsert(frame);
    for (const id of frame.removes) changed = this.#remove(id) || changed;
    this.#known = true;
    this.#knownOnceSettled = true;
    this.#tell(frame.revision);
    this.#publish(changed);
  }

  /** The registry told all it knows: what it did not tell is gone. */
  settle(): void {
    if (this.base === undefined) return;
    let changed = false;
    for (const id of [...this.#unconfirmed]) changed = this.#remove(id) || changed;
    this.#known = this.#knownOnceSettled;
    this.#publish(changed);
  }

  /** The registry goes on where it was: what this entry holds is the registry's word again. */
  resume(): void {
    if (this.base === undefined) return;
    this.#told = true;
    this.#publish(false);
  }

  /** The registry is away: the list stays as it is, and says so. */
  goStale(): void {
    if (!this.#told) return;
    this.#told = false;
    if (this.list !== undefined) this.#publish(false);
  }

  /** Lets go of what was held until `now`. */
  releaseHeld(now: number): void {
    let changed = false;
    for (const [id, until] of this.#held) {
      if (until > now) continue;
      this.#held.delete(id);
      changed = this.#endpoints.delete(id) || changed;
    }
    if (changed) this.#publish(true);
  }

  /** The endpoints to write down: those that the registry still has. */
  lasting(): readonly Endpoint[] {
    return [...this.#endpoints.values()].filter((endpoint) => !this.#held.has(endpoint.id));
  }

  tell(listener: EndpointListener, list: EndpointList): void {
    try {
      listener(list);
    } catch (error) {
      this.#context.logger.error(
        { err: error, service: this.service },
        'a listener for endpoints threw; the others are told all the same',
      );
    }
  }

  #tell(revision: WireRevision): void {
    this.base = revision;
    this.#revision = revision;
    this.#told = true;
  }

  #upsert({ endpoints, unreadable }: ToldEndpoints): boolean {
    let changed = false;
    for (const endpoint of endpoints) {
      changed = this.#held.delete(endpoint.id) || changed;
      this.#unconfirmed.delete(endpoint.id);
      // Keeping the object that says the same lets readers compare by identity after a resync.
      if (isDeepStrictEqual(this.#endpoints.get(endpoint.id), endpoint)) continue;
      this.#endpoints.set(endpoint.id, endpoint);
      changed = true;
    }
    for (const id of unreadable) {
      changed = this.#held.delete(id) || changed;
      this.#unconfirmed.delete(id);
    }
    return changed;
  }

  #remove(id: string): boolean {
    this.#unconfirmed.delete(id);
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined || this.#held.has(id)) return false;
    if (endpoint.status === 'up' && this.#context.flapHoldMs > 0) {
      this.#held.set(id, this.#context.clock.now() + this.#context.flapHoldMs);
      return true;
    }
    return this.#endpoints.delete(id);
  }

  /** Replaces the list and tells it, unless it says what the last one said. */
  #publish(changed: boolean, asOf: number = this.#staleSince()): void {
    const state = this.#state();
    if (this.list !== undefined && !changed && this.list.state === state) return;
    this.#publications += 1;
    const fields = {
      service: this.service,
      endpoints: this.#present(),
      // One revision of the registry may show in several ways: before and after a hold, say.
      revision: `${this.#revision}/${this.#publications}`,
      state,
    };
    const list = state === 'live' ? liveList(fields, this.#context) : { ...fields, asOf };
    this.list = list;
    for (const listener of [...this.listeners]) this.tell(listener, list);
  }

  /** A stale list keeps its age until it is live again. */
  #staleSince(): number {
    return this.list?.state === 'stale' ? this.list.asOf : this.#context.heardAt;
  }

  #state(): EndpointList['state'] {
    if (this.#endpoints.size === 0 && !this.#known) return 'unknown';
    return this.#told && this.#unconfirmed.size === 0 ? 'live' : 'stale';
  }

  /** Held endpoints take no new calls, unless nobody else would: a whole service that flaps keeps its traffic. */
  #present(): readonly Endpoint[] {
    const endpoints = [...this.#endpoints.values()];
    if (this.#held.size === 0) return endpoints;
    const othersUp = endpoints.some(({ id, status }) => status === 'up' && !this.#held.has(id));
    if (!othersUp) return endpoints;
    return endpoints.map((endpoint) =>
      this.#held.has(endpoint.id) ? { ...endpoint, status: 'draining' } : endpoint,
    );
  }
}

/** A live list is confirmed anew by every sign of life, so its age is read when somebody asks. */
function liveList(fields: Omit<EndpointList, 'asOf'>, context: EntryContext): EndpointList {
  return {
    ...fields,
    get asOf() {
      return context.heardAt;
    },
  };
}
