/** Whose an endpoint is, as the store says. */
export interface StoredEndpoint {
  readonly bucket: string;
  readonly session: number;
  readonly client: string;
}

/** The endpoints in the store, and which of them are in one bucket. */
export class EndpointDirectory {
  readonly #byId = new Map<string, StoredEndpoint>();
  readonly #byBucket = new Map<string, Set<string>>();
  readonly #onEmptied: () => void;

  /** @param onEmptied Called when a bucket lost its last endpoint. */
  constructor(onEmptied: () => void) {
    this.#onEmptied = onEmptied;
  }

  find(id: string): StoredEndpoint | undefined {
    return this.#byId.get(id);
  }

  /** Buckets that hold something. */
  buckets(): Iterable<string> {
    return this.#byBucket.keys();
  }

  inBucket(bucket: string): ReadonlySet<string> {
    return this.#byBucket.get(bucket) ?? noIds;
  }

  set(id: string, stored: StoredEndpoint): void {
    this.delete(id);
    this.#byId.set(id, stored);
    const ids = this.#byBucket.get(stored.bucket);
    if (ids === undefined) this.#byBucket.set(stored.bucket, new Set([id]));
    else ids.add(id);
  }

  delete(id: string): void {
    const stored = this.#byId.get(id);
    if (stored === undefined) return;
    this.#byId.delete(id);
    const ids = this.#byBucket.get(stored.bucket);
    ids?.delete(id);
    if (ids?.size !== 0) return;
    this.#byBucket.delete(stored.bucket);
    this.#onEmptied();
  }
}

const noIds: ReadonlySet<string> = new Set();
