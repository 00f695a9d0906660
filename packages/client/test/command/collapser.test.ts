import { currentContext, runInContext } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { fallbackFunction } from '../../src/command.ts';
import { commandBench, held, requestContext } from './command-bench.ts';

const bench = commandBench();

/** A collapser that answers `price of KEY`, and the batches that it ran. */
function prices(options: Parameters<ReturnType<typeof bench>['collapser']>[2] = {}) {
  const batches: (readonly unknown[])[] = [];
  const collapser = bench().collapser<string, string>(
    'prices',
    async (ids) => {
      batches.push(ids);
      return ids.map((id) => (id === 'gone' ? new Error(`no price of ${id}`) : `price of ${id}`));
    },
    options as object,
  );
  return { collapser, batches };
}

const inRequest = <T>(body: () => T, over: Parameters<typeof requestContext>[0] = {}): T =>
  runInContext(requestContext(over), body);

test('the keys that one request asks for within a turn go out as one run, and each caller gets its own answer', async () => {
  const { collapser, batches } = prices();
  const answers = inRequest(() => Promise.all(['a', 'b', 'a'].map((id) => collapser.execute(id))));
  await bench().pass(0);
  expect(await answers).toEqual(['price of a', 'price of b', 'price of a']);
  expect(batches).toEqual([['a', 'b']]);
  expect(bench().inspect()).toMatchObject([
    { name: 'prices', window: { runs: 1, collapsed: 3 }, shared: 2 },
  ]);
});

test("an error of one key is that key's own; a run that fails fails all of its keys and nobody else's", async () => {
  const { collapser } = prices();
  const mixed = inRequest(() =>
    Promise.allSettled(['a', 'gone'].map((id) => collapser.execute(id))),
  );
  await bench().pass(0);
  expect(await mixed).toMatchObject([
    { status: 'fulfilled', value: 'price of a' },
    { status: 'rejected', reason: { message: 'no price of gone' } },
  ]);
  const down = new Error('the database is away');
  const failing = bench().collapser<string, string>('stock', (ids) => {
    if (ids.includes('bad')) throw down;
    return ids.map((id) => id);
  });
  const failed = inRequest(() => Promise.allSettled(['bad', 'b'].map((id) => failing.execute(id))));
  const other = inRequest(() => failing.execute('c'));
  await bench().pass(0);
  expect(await failed).toMatchObject([{ reason: down }, { reason: down }]);
  expect(await other).toBe('c');
});

test('two requests never share a batch, whatever they ask for, and outside of one each key runs alone', async () => {
  const runs: (readonly [unknown, readonly string[]])[] = [];
  const collapser = bench().collapser<string, string>('orders', (ids) => {
    runs.push([currentContext()?.identity?.principal, ids]);
    return ids.map(() => `of ${currentContext()?.identity?.principal}`);
  });
  const as = (principal: string) =>
    inRequest(() => collapser.execute('mine'), {
      identity: { peer: undefined, peerVerified: false, principal, claims: {} },
    });
  const both = Promise.all([as('ann'), as('bob')]);
  await bench().pass(0);
  expect(await both).toEqual(['of ann', 'of bob']);
  expect(await Promise.all([collapser.execute('x'), collapser.execute('y')])).toHaveLength(2);
  expect(runs).toEqual([
    ['ann', ['mine']],
    ['bob', ['mine']],
    [undefined, ['x']],
    [undefined, ['y']],
  ]);
});

test('a batch waits for its company, not beyond the deadline, and goes out at once when it is full', async () => {
  const { collapser, batches } = prices({ waitMs: 10, maxKeys: 2 });
  const full = inRequest(() => Promise.all(['a', 'b', 'c'].map((id) => collapser.execute(id))));
  await bench().pass(9);
  expect(batches).toEqual([['a', 'b']]);
  await bench().pass(1);
  expect(await full).toEqual(['price of a', 'price of b', 'price of c']);
  const { clock } = bench();
  const hurried = inRequest(() => collapser.execute('d'), { deadline: clock.now() + 4 });
  const late = expect(hurried).rejects.toMatchObject({ code: 'deadline_exceeded' });
  await bench().pass(4);
  await late;
  expect(batches).toEqual([['a', 'b'], ['c']]);
});

test('a caller that goes away leaves the run to the others', async () => {
  const running = held<readonly string[]>();
  const collapser = bench().collapser<string, string>('prices', () => running.promise);
  const caller = new AbortController();
  const [leaving, staying] = inRequest(
    () => [collapser.execute('a', { signal: caller.signal }), collapser.execute('b')] as const,
  );
  const left = expect(leaving).rejects.toMatchObject({ code: 'aborted' });
  await bench().pass(0);
  caller.abort();
  await left;
  running.resolve(['1', '2']);
  expect(await staying).toBe('2');
});

test('a function that does not answer each key fails them all: nobody gets the answer of another', async () => {
  const short = bench().collapser<string, string>('prices', (ids) => ids.slice(1));
  const answers = inRequest(() => Promise.allSettled(['a', 'b'].map((id) => short.execute(id))));
  await bench().pass(0);
  const reason = {
    code: 'internal',
    message: expect.stringContaining('one answer for each of 2 keys, got 1 answers'),
  };
  expect(await answers).toMatchObject([{ reason }, { reason }]);
});

test('its fallback answers for the batch, and force holds its breaker', async () => {
  const { collapser } = prices({
    fallback: fallbackFunction((ids) => (ids as readonly string[]).map(() => 'unknown')),
  });
  collapser.force('open');
  const answers = inRequest(() => Promise.all(['a', 'b'].map((id) => collapser.execute(id))));
  await bench().pass(0);
  expect(await answers).toEqual(['unknown', 'unknown']);
  expect(collapser.inspect()).toMatchObject({ breaker: 'open', forced: true });
});

test('close sends nobody into the void: what waits fails with closed, and no timer is left', async () => {
  const { collapser } = prices({ waitMs: 1_000 });
  const waiting = expect(inRequest(() => collapser.execute('a'))).rejects.toMatchObject({
    code: 'closed',
  });
  await Promise.resolve();
  bench().close();
  await waiting;
  expect(bench().clock.pendingTimers).toBe(0);
});

test('limits that cannot be are refused with name and value', () => {
  const { collapser } = bench();
  const run = (ids: readonly string[]) => ids;
  expect(() => collapser('a', run, { maxKeys: 0 })).toThrow(
    'maxKeys must be a whole number within 1..10000, got 0',
  );
  expect(() => collapser('a', run, { waitMs: 2_000 })).toThrow(
    'waitMs must be within 0..1000 milliseconds, got 2000',
  );
});
