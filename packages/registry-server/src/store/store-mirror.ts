import type {
  Clock,
  Logger,
  Revision,
  Store,
  StoreChange,
  StoreEntry,
  Unsubscribe,
} from '@inmesh/core';
import { followStore } from './follow-store.ts';
import type { SharedWrite } from './shared-store.ts';

/** Makes a commit; gives its revision. */
export type Commit = (writes: readonly SharedWrite[]) => Promise<Revision>;

export interface StoreMirrorOptions {
  readonly store: Store;
  readonly prefix: string;
  /**
   * A change that this server did not make, or does not know that it made: its answer was lost.
   * Called in the order of the store's history, each change once.
   */
  readonly onChange: (change: StoreChange) => void;
  /** Called after everything was listed and what is new was told. */
  readonly onListed: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A commit whose answer is awaited: what is told of its keys meanwhile may be older, newer, or itself. */
interface InFlight {
  readonly keys: ReadonlySet<string>;
  readonly held: StoreChange[];
}

/**
 * Which revision each key below a prefix has, for compare-and-swap: fed by a watch, and by this
 * server's own commits as soon as they are answered. A watch tells those later again; what it tells
 * of a key until then is history, and is left out.
 */
export class StoreMirror {
  readonly #options: StoreMirrorOptions;
  readonly #revisions = new Map<string, Revision>();
  /** Own commits that the watch is still to tell, by key. */
  readonly #awaited = new Map<string, Revision>();
  #inFlight: InFlight | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #unfollow: Unsubscribe = () => {};

  constructor(options: StoreMirrorOptions) {
    this.#options = options;
  }

  /** Tells everything that there is. Throws what the store throws. */
  async start(): Promise<void> {
    const { store, prefix, clock, logger } = this.#options;
    this.#unfollow = await followStore({
      store,
      prefix,
      clock,
      logger,
      // A list that is older than a commit of ours would take it back.
      exclusively: (work) => this.#inTurn(work),
      follower: {
        listed: (entries) => this.#listed(entries),
        changed: (changes) => {
          for (const change of changes) this.#hear(change);
        },
      },
    });
  }

  revisionOf(key: string): Revision | undefined {
    return this.#revisions.get(key);
  }

  /**
   * One at a time; gives the revision. Every delete must name the revision that it expects. `through`
   * commits them together with something else. Throws what the store throws.
   */
  commit(writes: readonly SharedWrite[], through: Commit = this.#commit): Promise<Revision> {
    return this.#inTurn(async () => {
      const written = writes.filter(({ kind }) => kind !== 'check');
      const inFlight = { keys: new Set(written.map(({ key }) => key)), held: [] as StoreChange[] };
      this.#inFlight = inFlight;
      let newer: readonly StoreChange[] = inFlight.held;
      try {
        const revision = await through(writes);
        newer = this.#committed(written, revision, inFlight.held);
        return revision;
      } finally {
        this.#inFlight = undefined;
        for (const change of newer) this.#take(change);
      }
    });
  }

  close(): void {
    this.#unfollow();
  }

  readonly #commit: Commit = (writes) => this.#options.store.commit(writes);

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Takes an own commit over; gives what was told meanwhile and came after it. */
  #committed(
    writes: readonly SharedWrite[],
    revision: Revision,
    held: readonly StoreChange[],
  ): readonly StoreChange[] {
    const echo = held.findLastIndex((change) => revisionOf(change) === revision);
    for (const { kind, key } of writes) {
      if (kind === 'put') this.#revisions.set(key, revision);
      else this.#revisions.delete(key);
      if (echo < 0) this.#awaited.set(key, revision);
    }
    return echo < 0 ? [] : held.slice(echo + 1);
  }

  #hear(change: StoreChange): void {
    if (this.#inFlight?.keys.has(keyOf(change))) this.#inFlight.held.push(change);
    else this.#take(change);
  }

  #take(change: StoreChange): void {
    const key = keyOf(change);
    const awaited = this.#awaited.get(key);
    if (awaited !== undefined) {
      if (awaited === revisionOf(change)) this.#awaited.delete(key);
      return;
    }
    if (change.kind === 'put') this.#revisions.set(key, change.entry.revision);
    else this.#revisions.delete(key);
    this.#options.onChange(change);
  }

  #listed(entries: readonly StoreEntry[]): void {
    this.#awaited.clear();
    const present = new Set(entries.map(({ key }) => key));
    for (const [key, revision] of this.#revisions) {
      if (!present.has(key)) this.#take({ kind: 'delete', key, revision });
    }
    for (const entry of entries) {
      if (this.#revisions.get(entry.key) !== entry.revision) this.#take({ kind: 'put', entry });
    }
    this.#options.onListed();
  }
}

function keyOf(change: StoreChange): string {
  return change.kind === 'put' ? change.entry.key : change.key;
}

function revisionOf(change: StoreChange): Revision {
  return change.kind === 'put' ? change.entry.revision : change.revision;
}
