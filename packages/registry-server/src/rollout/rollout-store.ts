import {
  type Logger,
  MeshError,
  type Revision,
  type Rollout,
  type ServiceName,
  type Store,
} from '@inmesh/core';

const prefix = 'rollouts/';

/** A rollout with what is needed to go on with it. */
export interface RolloutRecord {
  readonly rollout: Rollout;
  /** The share before, while another is being set: a server that died in between finds either. `null`: none is. */
  readonly movingFrom: number | null;
}

interface Stored {
  readonly record: RolloutRecord;
  readonly revision: Revision;
}

/** The last rollout of each service, durable. */
export class RolloutStore {
  readonly #store: Store;
  readonly #byService = new Map<ServiceName, Stored>();

  private constructor(store: Store) {
    this.#store = store;
  }

  static async open(store: Store, logger: Logger): Promise<RolloutStore> {
    const opened = new RolloutStore(store);
    const { entries } = await store.list(prefix);
    for (const { key, value, revision } of entries) {
      try {
        const record = JSON.parse(value) as RolloutRecord;
        opened.#byService.set(record.rollout.service, { record, revision });
      } catch (error) {
        logger.error({ err: error, key }, 'a stored rollout cannot be read and is left out');
      }
    }
    return opened;
  }

  get(service: ServiceName): RolloutRecord | undefined {
    return this.#byService.get(service)?.record;
  }

  *all(): IterableIterator<RolloutRecord> {
    for (const { record } of this.#byService.values()) yield record;
  }

  /** Takes over what need not last: a restart finds what was saved before. */
  note(rollout: Rollout): void {
    const stored = this.#byService.get(rollout.service);
    if (stored === undefined) return;
    const { record, revision } = stored;
    this.#byService.set(rollout.service, { record: { ...record, rollout }, revision });
  }

  /** Resolves when durable. Throws `conflict` when another server changed it: take what is stored then. */
  async save(record: RolloutRecord): Promise<void> {
    const { service } = record.rollout;
    const key = prefix + service;
    const expected = this.#byService.get(service)?.revision ?? null;
    const value = JSON.stringify(record);
    try {
      const revision = await this.#store.commit([{ kind: 'put', key, value, expected }]);
      this.#byService.set(service, { record, revision });
    } catch (error) {
      await this.#reload(service);
      throw error;
    }
  }

  async #reload(service: ServiceName): Promise<void> {
    const entry = await this.#store.get(prefix + service);
    if (entry === undefined) {
      this.#byService.delete(service);
      return;
    }
    const record = JSON.parse(entry.value) as RolloutRecord;
    this.#byService.set(service, { record, revision: entry.revision });
  }
}

export function unknownRollout(service: ServiceName): MeshError {
  return new MeshError('not_found', `registry: there was never a rollout of ${service}`, {
    service,
  });
}
