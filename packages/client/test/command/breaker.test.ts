import { describe, expect, test } from '@jest/globals';
import { commandBench, held } from './command-bench.ts';

const bench = commandBench();
const down = new Error('down');
const breaker = { minCalls: 4, sleepMs: 5_000 };

/** A command that fails or succeeds as its input says. */
function switched(over: Parameters<ReturnType<typeof bench>['command']>[2] = {}) {
  return bench().command(
    'ratings',
    async (ok: boolean) => {
      if (!ok) throw down;
      return 'fine';
    },
    { breaker, ...(over as object) },
  );
}

async function failTimes(command: { execute(ok: boolean): Promise<unknown> }, times: number) {
  for (let i = 0; i < times; i += 1) await expect(command.execute(false)).rejects.toBe(down);
}

test('opens at the share of failures, not before the least number of runs, and refuses at once', async () => {
  const command = switched();
  await failTimes(command, 3);
  expect(command.inspect().breaker).toBe('closed');
  await failTimes(command, 1);
  expect(command.inspect().breaker).toBe('open');
  await expect(command.execute(true)).rejects.toMatchObject({ code: 'circuit_open' });
  expect(command.inspect().window).toMatchObject({ runs: 4, failures: 4, refused: 1 });
  expect(bench().events).toEqual([
    { kind: 'breaker-changed', service: 'ratings', subset: '', from: 'closed', to: 'open' },
  ]);
});

test('opens at exactly the ratio, as Hystrix does', async () => {
  const command = switched();
  await command.execute(true);
  await command.execute(true);
  await failTimes(command, 2);
  expect(command.inspect().breaker).toBe('open');
});

test('lets exactly one probe pass after the sleep, and closes by its success', async () => {
  const probe = held<string>();
  const command = bench().command(
    'ratings',
    (kind: 'fail' | 'probe') => (kind === 'fail' ? Promise.reject(down) : probe.promise),
    { breaker },
  );
  for (let i = 0; i < 4; i += 1) await command.execute('fail').catch(() => {});
  await bench().pass(5_000);
  expect(command.inspect().breaker).toBe('half-open');
  const probing = command.execute('probe');
  await expect(command.execute('probe')).rejects.toMatchObject({ code: 'circuit_open' });
  probe.resolve('back');
  await expect(probing).resolves.toBe('back');
  expect(command.inspect().breaker).toBe('closed');
});

test('a failed probe opens it for another sleep', async () => {
  const command = switched();
  await failTimes(command, 4);
  await bench().pass(5_000);
  await failTimes(command, 1);
  expect(command.inspect().breaker).toBe('open');
  await bench().pass(4_999);
  expect(command.inspect().breaker).toBe('open');
  await bench().pass(1);
  await expect(command.execute(true)).resolves.toBe('fine');
});

test('forced open refuses everything, forced closed lets everything pass and counts nothing', async () => {
  const command = switched();
  command.force('open');
  expect(command.inspect()).toMatchObject({ breaker: 'open', forced: true });
  await expect(command.execute(true)).rejects.toMatchObject({ code: 'circuit_open' });
  await bench().pass(60_000);
  await expect(command.execute(true)).rejects.toMatchObject({ code: 'circuit_open' });
  command.force('closed');
  await failTimes(command, 20);
  expect(command.inspect()).toMatchObject({ breaker: 'closed', forced: true });
  command.force(undefined);
  expect(command.inspect()).toMatchObject({ breaker: 'closed', forced: false });
  await failTimes(command, 4);
  expect(command.inspect().breaker).toBe('open');
});

test('failures leave the window after its time', async () => {
  const command = switched();
  await failTimes(command, 3);
  await bench().pass(11_000);
  await failTimes(command, 3);
  expect(command.inspect().breaker).toBe('closed');
  expect(command.inspect().window.failures).toBe(3);
});

describe("opossum's known faults", () => {
  test('a success that began before the opening does not close it while it is half-open (#381)', async () => {
    const late = held<string>();
    const command = bench().command(
      'ratings',
      (kind: 'fail' | 'late') => (kind === 'fail' ? Promise.reject(down) : late.promise),
      { breaker, timeoutMs: 60_000 },
    );
    const lateResult = command.execute('late');
    for (let i = 0; i < 4; i += 1) await command.execute('fail').catch(() => {});
    await bench().pass(5_000);
    expect(command.inspect().breaker).toBe('half-open');
    late.resolve('late');
    await expect(lateResult).resolves.toBe('late');
    expect(command.inspect().breaker).toBe('half-open');
  });

  test('a failure that began before the opening does not open it again after it has closed', async () => {
    const late = held<string>();
    const command = bench().command(
      'ratings',
      (kind: 'fail' | 'late' | 'ok') =>
        kind === 'ok' ? 'ok' : kind === 'fail' ? Promise.reject(down) : late.promise,
      { breaker: { minCalls: 1, sleepMs: 5_000 }, timeoutMs: 60_000 },
    );
    const lateResult = command.execute('late');
    await command.execute('fail').catch(() => {});
    await bench().pass(5_000);
    await command.execute('ok');
    late.reject(down);
    await expect(lateResult).rejects.toBe(down);
    expect(command.inspect().breaker).toBe('closed');
  });

  test('hostile case 71: a probe that never settles is ended by its deadline, and by its loss', async () => {
    const command = bench().command(
      'ratings',
      (kind: 'fail' | 'hang') =>
        kind === 'fail' ? Promise.reject(down) : new Promise<string>(() => {}),
      { breaker, timeoutMs: 1_000 },
    );
    for (let i = 0; i < 4; i += 1) await command.execute('fail').catch(() => {});
    await bench().pass(5_000);
    const probing = expect(command.execute('hang')).rejects.toMatchObject({
      code: 'deadline_exceeded',
    });
    await bench().pass(1_000);
    await probing;
    expect(command.inspect().breaker).toBe('open');
    await bench().pass(5_000);
    expect(command.inspect().breaker).toBe('half-open');
  });

  test('hostile case 71: a probe whose caller goes away neither closes nor blocks it (#388)', async () => {
    const command = bench().command(
      'ratings',
      (kind: 'fail' | 'hang' | 'ok') =>
        kind === 'ok'
          ? 'back'
          : kind === 'fail'
            ? Promise.reject(down)
            : new Promise<string>(() => {}),
      { breaker, errorFilter: () => false },
    );
    for (let i = 0; i < 4; i += 1) await command.execute('fail').catch(() => {});
    await bench().pass(5_000);
    const caller = new AbortController();
    const probing = expect(
      command.execute('hang', { signal: caller.signal }),
    ).rejects.toMatchObject({ code: 'aborted' });
    caller.abort();
    await probing;
    expect(command.inspect().breaker).toBe('half-open');
    await expect(command.execute('ok')).resolves.toBe('back');
    expect(command.inspect().breaker).toBe('closed');
  });

  test('refusals for want of capacity do not open it', async () => {
    const running = held<string>();
    const command = bench().command('ratings', () => running.promise, { breaker, capacity: 1 });
    const first = command.execute(undefined);
    for (let i = 0; i < 20; i += 1) {
      await expect(command.execute(undefined)).rejects.toMatchObject({ code: 'overloaded' });
    }
    expect(command.inspect()).toMatchObject({ breaker: 'closed', window: { overloaded: 20 } });
    running.resolve('fine');
    await expect(first).resolves.toBe('fine');
  });

  test('one failure does not open it', async () => {
    const command = bench().command('ratings', async () => Promise.reject(down));
    await expect(command.execute(undefined)).rejects.toBe(down);
    expect(command.inspect().breaker).toBe('closed');
  });

  test('once closed it has forgotten the failures from before', async () => {
    const command = switched();
    await failTimes(command, 4);
    await bench().pass(5_000);
    await command.execute(true);
    await failTimes(command, 1);
    expect(command.inspect().breaker).toBe('closed');
    expect(command.inspect().window.failures).toBe(1);
  });

  test('runs that hang do not hide that the others fail', async () => {
    const command = bench().command(
      'ratings',
      (fails: boolean) => (fails ? Promise.reject(down) : new Promise<string>(() => {})),
      { breaker, timeoutMs: 60_000 },
    );
    const hanging = Array.from({ length: 50 }, () => command.execute(false).catch(() => {}));
    for (let i = 0; i < 4; i += 1) await command.execute(true).catch(() => {});
    expect(command.inspect().breaker).toBe('open');
    await bench().pass(60_000);
    await Promise.all(hanging);
  });

  test('a time-out followed by a rejection runs the fallback once (#198)', async () => {
    const running = held<string>();
    let fallbacks = 0;
    const command = bench().command('ratings', () => running.promise, {
      fallback: {
        kind: 'function',
        run: () => {
          fallbacks += 1;
          return 'instead';
        },
      },
    });
    const result = command.execute(undefined);
    await bench().pass(1_000);
    await expect(result).resolves.toBe('instead');
    running.reject(down);
    await bench().pass(1);
    expect(fallbacks).toBe(1);
  });
});

test('reading changes nothing (Hystrix#236): an open breaker still takes one probe after the sleep', async () => {
  const command = switched();
  await failTimes(command, 4);
  await bench().pass(5_000);
  for (let i = 0; i < 10; i += 1) bench().inspect();
  await expect(command.execute(true)).resolves.toBe('fine');
});
