import { MeshError, type StoreChange, type StoreWatcher, type Unsubscribe } from '@inmesh/core';

interface Commit {
  readonly revision: number;
  readonly changes: readonly StoreChange[];
}

/** Commits kept for watches that begin in the past. */
const maxCommits = 1_000;

/** Recent commits, and those who watch for more. */
export class CommitHistory {
  readonly #commits: Commit[] = [];
  readonly #watchers = new Set<(commit: Commit) => void>();
  /** Commits up to it are not kept. */
  #forgotten: number;

  constructor(revision: number) {
    this.#forgotten = revision;
  }

  append(revision: number, changes: readonly StoreChange[]): void {
    const commit = { revision, changes };
    this.#commits.push(commit);
    if (this.#commits.length > maxCommits) {
      this.#forgotten = (this.#commits.shift() as Commit).revision;
    }
    for (const tell of this.#watchers) tell(commit);
  }

  /** What came after `revision` is told in a microtask, before what comes from now on. */
  watch(prefix: string, revision: string, watcher: StoreWatcher): Unsubscribe {
    const from = /^\d{1,15}$/.test(revision) ? Number(revision) : -1;
    let open = true;
    const tell = (commit: Commit): void => {
      const below = commit.changes.filter((change) => keyOf(change).startsWith(prefix));
      if (open && below.length > 0) watcher.changes(below, String(commit.revision));
    };
    const missed = this.#commits.filter((commit) => commit.revision > from);
    const lost = from < this.#forgotten;
    let begun = false;
    const waiting: Commit[] = [];
    const live = (commit: Commit): void => {
      if (begun) tell(commit);
      else waiting.push(commit);
    };
    if (!lost) this.#watchers.add(live);
    queueMicrotask(() => {
      begun = true;
      if (!open) return;
      if (lost) {
        open = false;
        const message = `store: changes after revision ${revision} are no longer kept; list again`;
        watcher.lost(new MeshError('revision_compacted', message));
        return;
      }
      for (const commit of [...missed, ...waiting]) tell(commit);
    });
    return () => {
      open = false;
      this.#watchers.delete(live);
    };
  }

  close(): void {
    this.#watchers.clear();
  }
}

function keyOf(change: StoreChange): string {
  return change.kind === 'put' ? change.entry.key : change.key;
}
