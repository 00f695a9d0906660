import { MeshError, type Revision, type Store, type StoreWrite } from '@inmesh/core';
import { CommitHistory } from './commit-history.ts';
import type { StoreContents } from './store-contents.ts';
import { applyWrites, checkWrites, emptyContents } from './store-contents.ts';
import { StoreFile } from './store-file.ts';

interface PendingCommit {
  readonly writes: readonly StoreWrite[];
  readonly resolve: (revision: Revision) => void;
  readonly reject: (error: unknown) => void;
}

export interface EmbeddedStoreOptions {
  /** Where `registry.json` lives. @default nowhere: memory only */
  readonly dataDir?: string | undefined;
}

/** A store inside this process: in memory, and in one file when it is to survive it. */
export async function createEmbeddedStore(options: EmbeddedStoreOptions = {}): Promise<Store> {
  const file = options.dataDir === undefined ? undefined : new StoreFile(options.dataDir);
  let contents: StoreContents = file === undefined ? emptyContents : await file.load();
  const history = new CommitHistory(contents.revision);
  const pending: PendingCommit[] = [];
  let writing: Promise<void> | undefined;
  let closed = false;

  /** Commits that came while the disk was busy share one write. */
  const drain = async (): Promise<void> => {
    // Everything of this turn of the event loop goes together; and `writing` is set before it is cleared.
    await undefined;
    while (pending.length > 0) {
      const batch = pending.splice(0);
      const accepted: (() => void)[] = [];
      const rejected: ((error: unknown) => void)[] = [];
      let draft = contents;
      for (const { writes, resolve, reject } of batch) {
        try {
          const { after, changes } = applyWrites(draft, writes);
          draft = after;
          accepted.push(() => {
            history.append(after.revision, changes);
            resolve(String(after.revision));
          });
          rejected.push(reject);
        } catch (error) {
          reject(error);
        }
      }
      if (accepted.length === 0) continue;
      try {
        await file?.save(draft);
      } catch (error) {
        // Nothing of the batch happened: what is in memory is what is on disk.
        for (const reject of rejected) reject(error);
        continue;
      }
      contents = draft;
      for (const accept of accepted) accept();
    }
    writing = undefined;
  };

  return {
    get: async (key) => contents.entries.get(key),
    async list(prefix) {
      const entries = [...contents.entries.values()].filter(({ key }) => key.startsWith(prefix));
      entries.sort((a, b) => (a.key < b.key ? -1 : 1));
      return { entries, revision: String(contents.revision) };
    },
    commit(writes) {
      return new Promise((resolve, reject) => {
        if (closed) throw new MeshError('closed', 'store: closed');
        checkWrites(writes);
        pending.push({ writes, resolve, reject });
        writing ??= drain();
      });
    },
    watch: (prefix, revision, watcher) => history.watch(prefix, revision, watcher),
    async close() {
      closed = true;
      await writing;
      history.close();
    },
  };
}
