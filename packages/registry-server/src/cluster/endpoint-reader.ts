import type { Logger, StoreChange } from '@inmesh/core';
import type { RegistryState } from '../state/registry-state.ts';
import type { Adoption } from './adoption.ts';
import { type EndpointEntry, parseEntry } from './cluster-entries.ts';
import type { EndpointDirectory } from './endpoint-directory.ts';
import type { EndpointWriter } from './endpoint-writer.ts';
import type { Membership } from './membership.ts';

export interface EndpointReaderOptions {
  readonly state: RegistryState;
  readonly directory: EndpointDirectory;
  readonly writer: EndpointWriter;
  readonly membership: Membership;
  readonly adoption: Adoption;
  readonly logger: Logger;
}

/** Brings what other servers write of endpoints into this server's state, where watches, look-ups and probes find it. */
export class EndpointReader {
  readonly #options: EndpointReaderOptions;

  constructor(options: EndpointReaderOptions) {
    this.#options = options;
  }

  heard(id: string, change: StoreChange): void {
    if (change.kind === 'delete') {
      this.#gone(id);
      return;
    }
    const entry = parseEntry<EndpointEntry>(change.entry.value);
    if (entry === undefined || !isWhole(id, entry)) {
      const fields = { endpoint: id };
      this.#options.logger.error(fields, 'an endpoint in the store is of a form that is not known');
      return;
    }
    this.#present(id, entry);
  }

  /** Puts the endpoints of a bucket that is this server's now under sessions that end unless they are taken over. */
  adopted(bucket: string): void {
    const { directory, state } = this.#options;
    const sessions = new Map<number, string[]>();
    for (const id of directory.inBucket(bucket)) {
      if (state.endpoints.find(id)?.holder.name !== 'elsewhere') continue;
      const session = directory.find(id)?.session ?? 0;
      const ids = sessions.get(session);
      if (ids === undefined) sessions.set(session, [id]);
      else ids.push(id);
    }
    for (const ids of sessions.values()) this.#adopt(ids);
  }

  /** What this server had adopted is no longer its own: it may not end it. */
  disown(): void {
    const { state } = this.#options;
    for (const { holder } of state.endpoints.all()) {
      if (holder.name === 'held' && holder.session.orphan) state.abandonSession(holder.session);
    }
  }

  #adopt(ids: readonly string[]): void {
    const { directory, state } = this.#options;
    const records = ids.flatMap((id) => state.endpoints.find(id) ?? []);
    const client = directory.find(ids[0] as string)?.client ?? '';
    state.adopt(client, records);
  }

  #present(id: string, { bucket, session, client, declared, probe }: EndpointEntry): void {
    const { directory, state, writer, membership, adoption } = this.#options;
    directory.set(id, { bucket, session, client });
    // This server wrote it, and the answer was lost.
    if (membership.made(bucket)) return;
    // A session here has spoken for it: that will be written over it.
    if (writer.isClaimed(id)) return;
    state.learn(Object.freeze(declared), probe);
    if (adoption.owns(bucket)) this.#adopt([id]);
  }

  #gone(id: string): void {
    const { directory, state, writer } = this.#options;
    directory.delete(id);
    const record = state.endpoints.find(id);
    if (record === undefined) return;
    const { holder } = record;
    // It expired elsewhere, and its process is here.
    if (holder.name === 'held' && !holder.session.orphan) writer.reassert(id);
    else if (holder.name === 'held') state.deregister(holder.session, id);
    else if (holder.name === 'elsewhere') state.endpoints.leave(record);
  }
}

/** What comes from the store is not trusted to be more than JSON. */
function isWhole(id: string, { bucket, session, client, declared }: EndpointEntry): boolean {
  return (
    typeof bucket === 'string' &&
    typeof session === 'number' &&
    typeof client === 'string' &&
    declared?.id === id &&
    typeof declared.service === 'string' &&
    typeof declared.address === 'string' &&
    Array.isArray(declared.ports)
  );
}
