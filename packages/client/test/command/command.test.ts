import { currentContext, latencyQuantile, runInContext } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import { fallbackFunction, fallbackValue, lastGood } from '../../src/command.ts';
import { commandBench, held, requestContext } from './command-bench.ts';

const bench = commandBench();
const down = new Error('down');

test('gives what the function gives, synchronous or not, and rejects with what it throws', async () => {
  const { command } = bench();
  await expect(command('a', (n: number) => n + 1).execute(1)).resolves.toBe(2);
  await expect(command('b', async (n: number) => n + 1).execute(1)).resolves.toBe(2);
  const thrown = command('c', () => {
    throw down;
  });
  await expect(thrown.execute(undefined)).rejects.toBe(down);
});

test('a run ends at its deadline, hears of it by its signal, and frees its place', async () => {
  let aborted: unknown;
  const command = bench().command(
    'ratings',
    (_: undefined, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason;
      });
      return new Promise<string>(() => {});
    },
    { timeoutMs: 200, capacity: 1 },
  );
  const result = expect(command.execute(undefined)).rejects.toMatchObject({
    code: 'deadline_exceeded',
    message: 'ratings: no result in 200 ms',
  });
  await bench().pass(200);
  await result;
  expect(aborted).toMatchObject({ code: 'deadline_exceeded' });
  expect(command.inspect()).toMatchObject({ inFlight: 0, window: { timeouts: 1, failures: 1 } });
});

test('the inbound deadline caps its own, and one that has passed runs nothing', async () => {
  const { clock, command } = bench();
  let runs = 0;
  const ratings = command('ratings', (_: undefined, { deadline }) => {
    runs += 1;
    return deadline;
  });
  const within = (deadline: number) =>
    runInContext(requestContext({ deadline }), () => ratings.execute(undefined));
  await expect(within(clock.now() + 50)).resolves.toBe(clock.now() + 50);
  await expect(within(clock.now())).rejects.toMatchObject({
    code: 'deadline_exceeded',
    maybeProcessed: false,
  });
  expect(runs).toBe(1);
});

test('a deadline that comes late because our own loop stood still is no failure, and a result that is there wins', async () => {
  const { clock, command } = bench();
  const running = held<string>();
  const ratings = command('ratings', (answers: boolean) =>
    answers ? running.promise : new Promise<string>(() => {}),
  );
  const answered = ratings.execute(true);
  const hanging = expect(ratings.execute(false)).rejects.toMatchObject({
    code: 'deadline_exceeded',
  });
  clock.block(3_000);
  running.resolve('was there');
  await bench().pass(1);
  await expect(answered).resolves.toBe('was there');
  await hanging;
  expect(ratings.inspect().window).toMatchObject({ failures: 0, timeouts: 0 });
});

test('hostile case 73: a caller that goes away leaves no listener on its signal, and no place taken', async () => {
  const caller = new AbortController();
  let listeners = 0;
  const { signal } = caller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  const ratings = bench().command('ratings', (hangs: boolean) =>
    hangs ? new Promise<string>(() => {}) : 'fine',
  );
  for (let i = 0; i < 100; i += 1) await ratings.execute(false, { signal });
  expect(listeners).toBe(0);
  const result = expect(ratings.execute(true, { signal })).rejects.toMatchObject({
    code: 'aborted',
    cause: 'enough',
  });
  caller.abort('enough');
  await result;
  expect(listeners).toBe(0);
  expect(ratings.inspect().inFlight).toBe(0);
});

test('a filtered error reaches the caller as it is, without a fallback, and counts as a success', async () => {
  const notFound = new Error('not found');
  const ratings = bench().command('ratings', () => Promise.reject(notFound), {
    errorFilter: (error) => error === notFound,
    fallback: fallbackValue('instead'),
  });
  await expect(ratings.execute(undefined)).rejects.toBe(notFound);
  expect(ratings.inspect().window).toMatchObject({ runs: 1, failures: 0, fallbacks: 0 });
});

describe('fallbacks', () => {
  test('answer for failures, time-outs, open breakers and a full bulkhead', async () => {
    const running = held<string>();
    const ratings = bench().command(
      'ratings',
      (kind: 'fail' | 'hang') => (kind === 'fail' ? Promise.reject(down) : running.promise),
      { fallback: fallbackValue('none known'), capacity: 1 },
    );
    await expect(ratings.execute('fail')).resolves.toBe('none known');
    const hanging = ratings.execute('hang');
    await expect(ratings.execute('fail')).resolves.toBe('none known');
    await bench().pass(1_000);
    await expect(hanging).resolves.toBe('none known');
    ratings.force('open');
    await expect(ratings.execute('fail')).resolves.toBe('none known');
    expect(ratings.inspect().window.fallbacks).toBe(1);
  });

  test('by function get the input, the error and a signal, and are bounded too', async () => {
    const ratings = bench().command('ratings', (_id: string) => Promise.reject<string>(down), {
      fallback: fallbackFunction((id: string, error, { signal }) =>
        id === 'hang' ? new Promise<string>(() => {}) : `${id} ${error.message} ${signal.aborted}`,
      ),
    });
    await expect(ratings.execute('7')).resolves.toBe('7 down false');
    const hanging = expect(ratings.execute('hang')).rejects.toMatchObject({
      message: 'ratings: down; its fallback failed as well',
    });
    await bench().pass(1_000);
    await hanging;
  });

  test('by the last good result give the same key what it got, while it is young enough', async () => {
    let healthy = true;
    const ratings = bench().command(
      'ratings',
      (id: string) => (healthy ? `stars of ${id}` : Promise.reject<string>(down)),
      { fallback: lastGood({ key: (id: string) => id, maxAgeMs: 60_000, maxEntries: 2 }) },
    );
    for (const id of ['1', '2', '3']) await ratings.execute(id);
    healthy = false;
    await expect(ratings.execute('3')).resolves.toBe('stars of 3');
    await expect(ratings.execute('1')).rejects.toBe(down);
    await bench().pass(60_001);
    await expect(ratings.execute('3')).rejects.toBe(down);
  });

  test('are asked in turn until one answers', async () => {
    const ratings = bench().command('ratings', (_id: string) => Promise.reject<string>(down), {
      fallback: [
        lastGood({ key: (id: string) => id }),
        fallbackFunction<string, string>(() => Promise.reject(new Error('down as well'))),
        fallbackValue('default'),
      ],
    });
    await expect(ratings.execute('7')).resolves.toBe('default');
  });

  test('that throw fail their own call, with both causes kept', async () => {
    const worse = new Error('worse');
    const ratings = bench().command('ratings', (_id: string) => Promise.reject<string>(down), {
      fallback: fallbackFunction<string, string>(() => {
        throw worse;
      }),
    });
    await expect(ratings.execute('7')).rejects.toMatchObject({
      code: 'internal',
      cause: { errors: [down, worse] },
    });
  });
});

describe('within one inbound request', () => {
  const counted = () => {
    let runs = 0;
    return bench().command(
      'ratings',
      async (id: string) => {
        runs += 1;
        return `${id} of ${currentContext()?.identity?.principal ?? 'nobody'}, run ${runs}`;
      },
      { cache: (id) => id },
    );
  };

  test('runs of the same key are one, while it is awaited and afterwards', async () => {
    const ratings = counted();
    await runInContext(requestContext(), async () => {
      const [first, second] = await Promise.all([ratings.execute('7'), ratings.execute('7')]);
      expect([first, second, await ratings.execute('7')]).toEqual(
        Array.from({ length: 3 }, () => '7 of nobody, run 1'),
      );
      expect(await ratings.execute('8')).toBe('8 of nobody, run 2');
    });
    expect(ratings.inspect().window.cacheHits).toBe(2);
    expect(ratings.inspect().shared).toBe(2);
  });

  test('nothing is shared with another request, nor with code outside any', async () => {
    const ratings = counted();
    const as = (principal: string) =>
      runInContext(
        requestContext({
          identity: { peer: undefined, peerVerified: false, principal, claims: {} },
        }),
        () => ratings.execute('mine'),
      );
    await expect(as('issuer/ann')).resolves.toBe('mine of issuer/ann, run 1');
    await expect(as('issuer/bob')).resolves.toBe('mine of issuer/bob, run 2');
    await expect(ratings.execute('mine')).resolves.toBe('mine of nobody, run 3');
    await expect(ratings.execute('mine')).resolves.toBe('mine of nobody, run 4');
  });

  test('a failure is not kept', async () => {
    let runs = 0;
    const ratings = bench().command(
      'ratings',
      () => {
        runs += 1;
        return runs === 1 ? Promise.reject(down) : Promise.resolve('fine');
      },
      { cache: () => 'one' },
    );
    await runInContext(requestContext(), async () => {
      await expect(ratings.execute(undefined)).rejects.toBe(down);
      await expect(ratings.execute(undefined)).resolves.toBe('fine');
    });
  });

  test('one that goes away leaves the result to the others', async () => {
    const running = held<string>();
    const ratings = bench().command('ratings', () => running.promise, { cache: () => 'one' });
    const caller = new AbortController();
    await runInContext(requestContext(), async () => {
      const leaving = ratings.execute(undefined, { signal: caller.signal });
      const staying = ratings.execute(undefined);
      caller.abort();
      await expect(leaving).rejects.toMatchObject({ code: 'aborted' });
      running.resolve('fine');
      await expect(staying).resolves.toBe('fine');
    });
  });

  test('a key function that throws fails its own execution and nothing else', async () => {
    const wrong = new Error('no key');
    const ratings = bench().command('ratings', () => 'fine', {
      cache: () => {
        throw wrong;
      },
    });
    await runInContext(requestContext(), () =>
      expect(ratings.execute(undefined)).rejects.toBe(wrong),
    );
    await expect(ratings.execute(undefined)).resolves.toBe('fine');
  });
});

test('an errorFilter that throws fails its own call, with both causes kept', async () => {
  const broken = new Error('broken filter');
  const ratings = bench().command('ratings', () => Promise.reject(down), {
    errorFilter: () => {
      throw broken;
    },
  });
  await expect(ratings.execute(undefined)).rejects.toMatchObject({
    code: 'internal',
    cause: { errors: [broken, down] },
  });
});

test('options that cannot be are refused with name and value', () => {
  const { command } = bench();
  const run = () => 'fine';
  expect(() => command('a', run, { capacity: 0 })).toThrow('capacity must be a whole number');
  expect(() => command('a', run, { timeoutMs: -1 })).toThrow('timeoutMs must be within 1..');
  expect(() => command('a', run, { breaker: { windowMs: 1_500 } })).toThrow(
    'breaker.windowMs must be whole seconds, at most 600000, got 1500',
  );
  expect(() => lastGood({ key: String, maxEntries: 0 })).toThrow('lastGood.maxEntries must be');
  command('a', run);
  expect(() => command('a', run)).toThrow('name must be a text that no other command has, got "a"');
});

test('close leaves no timer and ends what starts afterwards; commands do not heap up', async () => {
  const { clock, command, close, inspect } = bench();
  const ratings = command('ratings', () => 'fine');
  await bench().pass(10_000);
  expect(clock.pendingTimers).toBe(1);
  expect(inspect()).toHaveLength(1);
  close();
  close();
  expect(clock.pendingTimers).toBe(0);
  await expect(ratings.execute(undefined)).rejects.toMatchObject({ code: 'closed' });
});

test('an inspection says how long runs took lately, and forgets it after a minute', async () => {
  const run = held<number>();
  const command = bench().command('slow', () => run.promise, { timeoutMs: 1_000 });
  const answer = command.execute(undefined);
  await bench().pass(100);
  run.resolve(1);
  await answer;
  const median = (): number | undefined => latencyQuantile(command.inspect().latencies, 0.5);
  expect(median()).toBeGreaterThan(90);
  expect(median()).toBeLessThan(110);
  await bench().pass(31_000);
  expect(median()).toBeGreaterThan(90);
  await bench().pass(60_000);
  expect(median()).toBeUndefined();
});
