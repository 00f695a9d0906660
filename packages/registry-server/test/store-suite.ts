import type { Store, StoreChange } from '@inmesh/core';
import { afterEach, describe, expect, test } from '@jest/globals';

export interface StoreSuiteOptions {
  readonly name: string;
  /** A store that holds nothing. */
  readonly create: () => Promise<Store>;
}

/** Collects what a watch tells, and lets a test wait for it. */
class Watched {
  readonly batches: (readonly StoreChange[])[] = [];
  readonly lost: Error[] = [];
  #arrived: () => void = () => {};

  readonly watcher = {
    changes: (changes: readonly StoreChange[]): void => {
      this.batches.push(changes);
      this.#arrived();
    },
    lost: (error: Error): void => {
      this.lost.push(error);
      this.#arrived();
    },
  };

  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}

function keysOf(batch: readonly StoreChange[] | undefined): string[] {
  return (batch ?? []).map((change) => (change.kind === 'put' ? change.entry.key : change.key));
}

/** What every store promises. Revisions are opaque here: only equality is looked at. */
export function storeSuite({ name, create }: StoreSuiteOptions): void {
  describe(name, () => {
    const open: Store[] = [];
    const createStore = async (): Promise<Store> => {
      const store = await create();
      open.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of open.splice(0)) await store.close();
    });

    test('what was put is there, with the revision of the commit', async () => {
      const store = await createStore();
      const revision = await store.commit([{ kind: 'put', key: 'a/1', value: 'ä' }]);
      expect(await store.get('a/1')).toEqual({ key: 'a/1', value: 'ä', revision });
      expect(await store.get('a/2')).toBeUndefined();
    });

    test('a list holds what is below the prefix, by key, with the revision of the store', async () => {
      const store = await createStore();
      for (const key of ['b/1', 'a/2', 'a/1', 'ab'])
        await store.commit([{ kind: 'put', key, value: key }]);
      const revision = await store.commit([{ kind: 'delete', key: 'b/1' }]);
      const list = await store.list('a/');
      expect(list.entries.map(({ key }) => key)).toEqual(['a/1', 'a/2']);
      expect(list.revision).toBe(revision);
      expect((await store.list('')).entries.map(({ key }) => key)).toEqual(['a/1', 'a/2', 'ab']);
    });

    test('an expectation that does not hold stops the whole commit', async () => {
      const store = await createStore();
      const first = await store.commit([{ kind: 'put', key: 'a', value: '1', expected: null }]);
      const second = await store.commit([{ kind: 'put', key: 'a', value: '2', expected: first }]);
      for (const expected of [null, first, 'nonsense']) {
        const stale = store.commit([
          { kind: 'put', key: 'b', value: 'x' },
          { kind: 'put', key: 'a', value: '3', expected },
        ]);
        await expect(stale).rejects.toMatchObject({ code: 'conflict' });
      }
      const stale = store.commit([{ kind: 'delete', key: 'a', expected: first }]);
      await expect(stale).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.get('a')).toMatchObject({ value: '2', revision: second });
      expect(await store.get('b')).toBeUndefined();
      await store.commit([{ kind: 'delete', key: 'a', expected: second }]);
      expect(await store.get('a')).toBeUndefined();
    });

    test('a check writes nothing, and stops a commit when it does not hold', async () => {
      const store = await createStore();
      const revision = await store.commit([{ kind: 'put', key: 'a', value: '1' }]);
      const write = { kind: 'put', key: 'b', value: 'x' } as const;
      await store.commit([{ kind: 'check', key: 'a', expected: revision }, write]);
      await store.commit([{ kind: 'check', key: 'c', expected: null }, write]);
      for (const check of [
        { kind: 'check', key: 'a', expected: null },
        { kind: 'check', key: 'c', expected: revision },
      ] as const) {
        const stale = store.commit([check, { kind: 'put', key: 'b', value: 'y' }]);
        await expect(stale).rejects.toMatchObject({ code: 'conflict' });
      }
      expect(await store.get('a')).toMatchObject({ value: '1', revision });
      expect(await store.get('b')).toMatchObject({ value: 'x' });
      expect(await store.get('c')).toBeUndefined();
    });

    test('of many that compare and swap at once exactly one wins each round', async () => {
      const store = await createStore();
      let revision = await store.commit([{ kind: 'put', key: 'n', value: '0' }]);
      for (let round = 0; round < 5; round += 1) {
        const racers = Array.from({ length: 10 }, (_, i) =>
          store.commit([{ kind: 'put', key: 'n', value: `${round}-${i}`, expected: revision }]),
        );
        const results = await Promise.allSettled(racers);
        const won = results.flatMap((result) =>
          result.status === 'fulfilled' ? [result.value] : [],
        );
        expect(won).toHaveLength(1);
        revision = won[0] as string;
        expect(await store.get('n')).toMatchObject({ revision });
      }
    });

    test('a watch tells commits whole, in order, and only below its prefix', async () => {
      const store = await createStore();
      const watched = new Watched();
      const { revision } = await store.list('a/');
      store.watch('a/', revision, watched.watcher);
      await store.commit([
        { kind: 'put', key: 'a/1', value: '1' },
        { kind: 'put', key: 'a/2', value: '2' },
        { kind: 'put', key: 'b/1', value: '3' },
      ]);
      await store.commit([{ kind: 'put', key: 'b/2', value: '4' }]);
      await store.commit([{ kind: 'delete', key: 'a/1' }]);
      await watched.until(() => watched.batches.length === 2);
      expect(watched.batches.map(keysOf)).toEqual([['a/1', 'a/2'], ['a/1']]);
      expect(watched.batches[1]?.[0]?.kind).toBe('delete');
    });

    test('a watch from an earlier revision tells what came since, nothing twice', async () => {
      const store = await createStore();
      const { revision } = await store.list('');
      await store.commit([{ kind: 'put', key: 'a', value: '1' }]);
      const between = await store.commit([{ kind: 'put', key: 'b', value: '2' }]);
      const [early, late] = [new Watched(), new Watched()];
      store.watch('', revision, early.watcher);
      store.watch('', between, late.watcher);
      await store.commit([{ kind: 'put', key: 'c', value: '3' }]);
      await early.until(() => early.batches.length === 3);
      await late.until(() => late.batches.length === 1);
      expect(early.batches.map(keysOf)).toEqual([['a'], ['b'], ['c']]);
      expect(late.batches.map(keysOf)).toEqual([['c']]);
    });

    test('a list of over a thousand entries is whole, and of one revision', async () => {
      const store = await createStore();
      const keys = Array.from({ length: 1_100 }, (_, i) => `k/${String(i).padStart(4, '0')}`);
      for (let from = 0; from < keys.length; from += 100) {
        const slice = keys.slice(from, from + 100);
        await store.commit(slice.map((key) => ({ kind: 'put', key, value: '' })));
      }
      expect((await store.list('k/')).entries.map(({ key }) => key)).toEqual(keys);
    });

    test('a watch that ended tells nothing more, also when it is ended twice', async () => {
      const store = await createStore();
      const [ended, other] = [new Watched(), new Watched()];
      const { revision } = await store.list('');
      const unsubscribe = store.watch('', revision, ended.watcher);
      store.watch('', revision, other.watcher);
      unsubscribe();
      unsubscribe();
      await store.commit([{ kind: 'put', key: 'a', value: '1' }]);
      await other.until(() => other.batches.length === 1);
      expect(ended.batches).toEqual([]);
    });

    test('a watch from a revision that is unknown is lost, and says that it must list again', async () => {
      const store = await createStore();
      const watched = new Watched();
      store.watch('', 'nonsense', watched.watcher);
      await watched.until(() => watched.lost.length === 1);
      expect(watched.lost[0]).toMatchObject({ code: 'revision_compacted' });
    });

    test.each([
      ['an empty key', { kind: 'put', key: '', value: '' }],
      ['a key with a line break', { kind: 'put', key: 'a\n', value: '' }],
      ['a key of 513 characters', { kind: 'put', key: 'a'.repeat(513), value: '' }],
      ['a value of over 1 MiB', { kind: 'put', key: 'a', value: 'ä'.repeat(600_000) }],
    ] as const)('%s is refused', async (_what, write) => {
      const store = await createStore();
      await expect(store.commit([write])).rejects.toMatchObject({ code: 'invalid_argument' });
    });

    test('a store that is closed takes no commit, and closing it again is no error', async () => {
      const store = await createStore();
      await store.close();
      await store.close();
      const late = store.commit([{ kind: 'put', key: 'a', value: '1' }]);
      await expect(late).rejects.toMatchObject({ code: 'closed' });
    });
  });
}
