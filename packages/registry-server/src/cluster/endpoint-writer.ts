import type { Clock, Logger } from '@inmesh/core';
import type { EndpointRecord } from '../state/endpoint-record.ts';
import type { RegistryState } from '../state/registry-state.ts';
import type { Session } from '../state/session.ts';
import type { StateObserver } from '../state/state-observer.ts';
import type { SharedWrite } from '../store/shared-store.ts';
import type { StoreMirror } from '../store/store-mirror.ts';
import type { Adoption } from './adoption.ts';
import { clusterKey, type EndpointEntry, formatEntry, parseClusterKey } from './cluster-entries.ts';
import type { EndpointDirectory } from './endpoint-directory.ts';
import { KeyWriter } from './key-writer.ts';
import type { Membership } from './membership.ts';

export interface EndpointWriterOptions {
  readonly state: RegistryState;
  readonly directory: EndpointDirectory;
  readonly membership: Membership;
  readonly adoption: Adoption;
  readonly mirror: StoreMirror;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Writes what the sessions of this server do. A session that says that it has an endpoint gets it,
 * whoever had it: its process is here, and alive. Everything else (an expiry, joining anew) only
 * touches what is still as this server left it.
 */
export class EndpointWriter implements StateObserver {
  readonly #options: EndpointWriterOptions;
  readonly #writer: KeyWriter;
  /** Endpoints that a session here has spoken for, until the store has it. */
  readonly #claims = new Set<string>();

  constructor(options: EndpointWriterOptions) {
    this.#options = options;
    this.#writer = new KeyWriter({
      ...options,
      guard: () => options.membership.guard(),
      plan: (key) => this.#plan(idOf(key)),
      onWritten: (key, write) => this.#written(idOf(key), write),
    });
  }

  /** Endpoints whose last change the store does not have yet. */
  get waiting(): number {
    return this.#writer.waiting;
  }

  isClaimed(id: string): boolean {
    return this.#claims.has(id);
  }

  endpointRegistered(record: EndpointRecord): void {
    if (holderOf(record) !== undefined) this.#claim(record.id);
  }

  endpointLeft(record: EndpointRecord): void {
    this.#claim(record.id);
  }

  /** Writes the endpoint again as far as nobody else has it by now. */
  reassert(id: string): void {
    this.#writer.mark(clusterKey('endpoint', id));
  }

  /** The store is back, or this server is one of the cluster again. */
  wake(): void {
    this.#writer.wake();
  }

  close(): void {
    this.#writer.close();
  }

  #claim(id: string): void {
    this.#claims.add(id);
    this.#writer.mark(clusterKey('endpoint', id));
  }

  #plan(id: string): SharedWrite | undefined {
    const { state, mirror, membership } = this.#options;
    const key = clusterKey('endpoint', id);
    const expected = mirror.revisionOf(key);
    if (expected !== undefined && !this.#mayChange(id)) return undefined;
    const record = state.endpoints.find(id);
    const session = record === undefined ? undefined : holderOf(record);
    const bucket = session === undefined ? undefined : membership.bucketOf(session.number);
    if (record === undefined || session === undefined || bucket === undefined) {
      if (expected === undefined) return undefined;
      return { kind: 'delete', key, expected };
    }
    const stored = { bucket, session: session.number, client: session.client };
    const entry: EndpointEntry = {
      ...stored,
      declared: record.declared,
      ...(record.probe === undefined ? {} : { probe: record.probe }),
    };
    return { kind: 'put', key, value: formatEntry(entry), expected: expected ?? null };
  }

  #mayChange(id: string): boolean {
    const { directory, adoption, membership } = this.#options;
    const bucket = directory.find(id)?.bucket;
    if (this.#claims.has(id)) return true;
    return bucket !== undefined && (adoption.owns(bucket) || membership.made(bucket));
  }

  #written(id: string, write: SharedWrite | undefined): void {
    const { state, directory, mirror, membership } = this.#options;
    this.#claims.delete(id);
    const record = state.endpoints.find(id);
    const session = record === undefined ? undefined : holderOf(record);
    const bucket = session === undefined ? undefined : membership.bucketOf(session.number);
    if (write?.kind === 'put' && session !== undefined && bucket !== undefined) {
      directory.set(id, { bucket, session: session.number, client: session.client });
    }
    if (mirror.revisionOf(clusterKey('endpoint', id)) === undefined) {
      directory.delete(id);
      // It expired, and that is in the store now.
      if (record?.holder.name === 'elsewhere') state.endpoints.remove(record);
    }
  }
}

/** The session here that has the endpoint and a client. */
function holderOf({ holder }: EndpointRecord): Session | undefined {
  return holder.name === 'held' && !holder.session.orphan ? holder.session : undefined;
}

function idOf(key: string): string {
  const parsed = parseClusterKey(key);
  return parsed?.kind === 'endpoint' ? parsed.name : '';
}
