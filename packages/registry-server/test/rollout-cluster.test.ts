import type { Store } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { createEmbeddedStore } from '../src/store/embedded-store.ts';
import { createRolloutServer, plan, type RolloutServer, settled } from './rollout-fixture.ts';

const service = 'reviews.default';

/** Two servers over one store, of which one leads at a time. */
async function createPair(wrap: (store: Store) => Store = (store) => store) {
  const clock: FakeClock = createFakeClock();
  const store = await createEmbeddedStore({ dataDir: undefined });
  let leader = 'a';
  const start = (name: string, over: Store): Promise<RolloutServer> =>
    createRolloutServer({
      store: over,
      clock,
      name,
      leadership: {
        get leading() {
          return leader === name;
        },
        onChange: () => () => {},
      },
    });
  const a = await start('a', wrap(store));
  const b = await start('b', store);
  const servers = new Set([a, b]);
  return {
    a,
    b,
    store,
    lead(name: string) {
      leader = name;
    },
    /** As `kill -9`: it does nothing more. */
    async kill(server: RolloutServer): Promise<void> {
      servers.delete(server);
      await server.rollouts.close();
    },
    /** Lets time pass, in which calls are reported to `reporting`. */
    async run(seconds: number, ...reporting: RolloutServer[]): Promise<void> {
      for (let i = 0; i < seconds; i += 1) {
        for (const server of reporting) server.report();
        await clock.advanceAsync(1_000);
        for (const { rollouts } of servers) await settled(rollouts);
      }
    },
  };
}

/** The weights of v2 that were ever set, in their order. */
async function weightHistory(store: Store): Promise<number[]> {
  const weights: number[] = [];
  await new Promise<void>((resolve) => {
    store.watch('resources/', '0', {
      changes(changes) {
        for (const change of changes) {
          if (change.kind !== 'put' || !change.entry.key.includes('VirtualService')) continue;
          const { spec } = JSON.parse(change.entry.value);
          weights.push(spec.http[0].route[1].weight);
        }
      },
      lost: (error) => {
        throw error;
      },
    });
    setImmediate(resolve);
  });
  return weights;
}

test('one server at a time moves, and when it dies another goes on: no step twice, none left out', async () => {
  const { a, b, store, run, lead, kill } = await createPair();
  await a.rollouts.begin(plan);
  await run(12, a, b);
  expect([a.weight(), b.weight()]).toEqual([50, 50]);
  await kill(a);
  await run(20, b);
  expect(b.weight()).toBe(50);
  lead('b');
  await run(2, b);
  expect(b.weight()).toBe(100);
  expect(b.rollouts.get(service)).toMatchObject({ state: { name: 'completed' }, share: 100 });
  expect(b.rollouts.get(service).verdicts.map(({ step, decision }) => [step, decision])).toEqual([
    [0, 'advance'],
    [1, 'complete'],
  ]);
  expect(await weightHistory(store)).toEqual([0, 10, 50, 100]);
});

test('the leader judges by the calls that are reported to the others, too', async () => {
  const { a, b, store, run } = await createPair();
  await a.rollouts.begin(plan);
  await run(16, b);
  expect(a.weight()).toBe(50);
  const [verdict] = a.rollouts.get(service).verdicts;
  expect(verdict?.to.calls).toBeGreaterThanOrEqual(100);
  await run(16, b);
  expect(a.rollouts.get(service).state).toEqual({ name: 'completed' });
  expect((await store.list('rollout-tallies/')).entries).toEqual([]);
});

test('commands are taken by every server, and the leader holds to them', async () => {
  const { a, b, run } = await createPair();
  await b.rollouts.begin(plan);
  await run(12, a, b);
  expect(b.weight()).toBe(50);
  await b.rollouts.pause(service, 'operator alice');
  await run(30, a, b);
  expect([a.weight(), a.rollouts.get(service).state.name]).toEqual([50, 'paused']);
  await a.rollouts.resume(service);
  await b.rollouts.abort(service, 'operator bob');
  expect([a.weight(), b.weight()]).toEqual([0, 0]);
});

test('a leader that was stopped while it moved, and was replaced meanwhile, changes nothing', async () => {
  let release: () => void = () => {};
  let stalling = false;
  const { a, b, store, run, lead, kill } = await createPair((kept) => ({
    ...delegate(kept),
    async commit(writes) {
      if (stalling) {
        stalling = false;
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      return kept.commit(writes);
    },
  }));
  await a.rollouts.begin(plan);
  await run(11, a, b);
  stalling = true;
  // Its look is due, and stands before the commit; nobody waits for it.
  await a.clock.advanceAsync(1_000);
  await turnsUntil(() => !stalling);
  lead('b');
  for (let i = 0; i < 30; i += 1) {
    b.report();
    await b.clock.advanceAsync(1_000);
    await settled(b.rollouts);
  }
  expect(b.rollouts.get(service).state).toEqual({ name: 'completed' });
  release();
  await settled(a.rollouts);
  await kill(a);
  expect(await weightHistory(store)).toEqual([0, 10, 50, 100]);
  expect(b.rollouts.get(service).state).toEqual({ name: 'completed' });
});

test("a server that has not heard of the new weights yet does not take them for somebody else's", async () => {
  const late: (() => void)[] = [];
  let behind = false;
  const { a, b, run } = await createPair((kept) => ({
    ...delegate(kept),
    watch: (prefix, revision, watcher) =>
      kept.watch(prefix, revision, {
        lost: (error) => watcher.lost(error),
        changes(changes, at) {
          const tell = (): void => watcher.changes(changes, at);
          if (behind && prefix === 'resources/') late.push(tell);
          else tell();
        },
      }),
  }));
  behind = true;
  await b.rollouts.begin(plan);
  await a.clock.advanceAsync(1_000);
  expect(late.length).toBeGreaterThan(0);
  behind = false;
  for (const tell of late.splice(0)) tell();
  await run(2, a, b);
  expect(a.rollouts.get(service).state).toEqual({ name: 'running', step: 0 });
  await run(12, a, b);
  expect(a.weight()).toBe(50);
});

function delegate(kept: Store): Store {
  return {
    get: (key) => kept.get(key),
    list: (prefix) => kept.list(prefix),
    watch: (prefix, revision, watcher) => kept.watch(prefix, revision, watcher),
    commit: (writes) => kept.commit(writes),
    close: () => kept.close(),
  };
}

/** Turns of the event loop, until `holds` does. */
async function turnsUntil(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !holds(); i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(holds()).toBe(true);
}
