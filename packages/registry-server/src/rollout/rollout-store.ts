import {
  type Clock,
  type Logger,
  MeshError,
  type Revision,
  type Rollout,
  type ServiceName,
  type Store,
  type StoreChange,
} from '@inmesh/core';
import { type Commit, StoreMirror } from '../store/store-mirror.ts';

const prefix = 'rollouts/';

/** A rollout as the store has it. */
export interface StoredRollout {
  readonly rollout: Rollout;
  readonly revision: Revision;
}

export interface RolloutStoreOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The last rollout of each service: durable, and the same at all servers that share the store. */
export class RolloutStore {
  readonly #mirror: StoreMirror;
  readonly #logger: Logger;
  readonly #byService = new Map<ServiceName, StoredRollout>();
  #onChange: (service: ServiceName) => void = () => {};

  private constructor({ store, clock, logger }: RolloutStoreOptions) {
    this.#logger = logger;
    this.#mirror = new StoreMirror({
      store,
      prefix,
      onChange: (change) => this.#hear(change),
      onListed: () => {},
      clock,
      logger,
    });
  }

  /** Takes over what is stored, and follows it. Throws what the store throws. */
  static async open(options: RolloutStoreOptions): Promise<RolloutStore> {
    const opened = new RolloutStore(options);
    await opened.#mirror.start();
    return opened;
  }

  /** Told of every change, whoever made it, after it. One listener. */
  onChange(listener: (service: ServiceName) => void): void {
    this.#onChange = listener;
  }

  get(service: ServiceName): StoredRollout | undefined {
    return this.#byService.get(service);
  }

  *all(): IterableIterator<StoredRollout> {
    yield* this.#byService.values();
  }

  /** Takes over what need not last, and is for this server alone: whatever is stored next replaces it. */
  note({ rollout, revision }: StoredRollout): void {
    if (this.#byService.get(rollout.service)?.revision !== revision) return;
    this.#byService.set(rollout.service, { rollout, revision });
  }

  /**
   * Resolves when durable. `over` is the revision that it is to replace: what was decided about one
   * state of a rollout must not be done to another. `through` commits it together with something
   * else. Throws `conflict` when it was changed meanwhile.
   */
  async save(rollout: Rollout, over: Revision | undefined, through?: Commit): Promise<Rollout> {
    const { service } = rollout;
    const key = prefix + service;
    const value = JSON.stringify({ rollout });
    const expected = over ?? null;
    const revision = await this.#mirror.commit([{ kind: 'put', key, value, expected }], through);
    // What came after it has been told by now.
    if (this.#mirror.revisionOf(key) === revision) {
      this.#byService.set(service, { rollout, revision });
      this.#onChange(service);
    }
    return rollout;
  }

  close(): void {
    this.#mirror.close();
  }

  #hear(change: StoreChange): void {
    const key = change.kind === 'put' ? change.entry.key : change.key;
    const service = key.slice(prefix.length) as ServiceName;
    if (change.kind === 'delete') this.#byService.delete(service);
    else {
      const { value, revision } = change.entry;
      try {
        const { rollout } = JSON.parse(value) as { rollout: Rollout };
        this.#byService.set(service, { rollout, revision });
      } catch (error) {
        this.#byService.delete(service);
        this.#logger.error({ err: error, key }, 'a stored rollout cannot be read and is left out');
      }
    }
    this.#onChange(service);
  }
}

export function unknownRollout(service: ServiceName): MeshError {
  return new MeshError('not_found', `registry: there was never a rollout of ${service}`, {
    service,
  });
}
