import type { OutlierPolicy } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import type { AttemptResult, EndpointState } from '../src/endpoint-state.ts';
import {
  attempt,
  destination,
  endpoints,
  listOf,
  type PolicyBench,
  policyBench,
} from './policy-fixtures.ts';

function bench(
  count: number,
  outlier: Partial<OutlierPolicy> = {},
): PolicyBench & {
  target: ReturnType<PolicyBench['cluster']['destination']>;
  state(index: number): EndpointState;
  fail(index: number, times: number, result?: AttemptResult): void;
} {
  const made = policyBench(endpoints(count), { outlier, balancer: { kind: 'random' } });
  const states = [...made.cluster.endpoints.values()];
  const state = (index: number) => states[index] as EndpointState;
  return {
    ...made,
    target: made.cluster.destination(destination()),
    state,
    fail(index, times, result = '5xx') {
      for (let i = 0; i < times; i += 1) attempt(state(index), result, made.clock.now());
    },
  };
}

type Bench = ReturnType<typeof bench>;

function picked({ target, clock }: Bench, picks = 300): Set<EndpointState | undefined> {
  return new Set(
    Array.from({ length: picks }, () => target.pick(clock.now(), undefined, undefined)),
  );
}

describe('an endpoint is ejected', () => {
  test('by five errors in a row', () => {
    const made = bench(4);
    made.fail(0, 4);
    expect(made.health()).toEqual([]);
    made.fail(0, 1);
    expect(made.health()).toEqual([`endpoint-ejected ${made.state(0).endpoint.id}`]);
    expect(picked(made)).not.toContain(made.state(0));
  });

  test('and not by errors that a success interrupts', () => {
    const made = bench(4);
    for (let i = 0; i < 20; i += 1) {
      made.fail(0, 4);
      attempt(made.state(0), 'success', made.clock.now());
    }
    expect(made.health()).toEqual([]);
  });

  test('by three failures in a row before any answer', () => {
    const made = bench(3);
    made.fail(0, 3, 'local-failure');
    expect(made.health()).toHaveLength(1);
    expect(picked(made)).not.toContain(made.state(0));
  });

  test('by a single refused connection, so that a killed one is out at once', () => {
    const made = bench(3);
    made.fail(0, 1, 'refused');
    expect(made.health()).toHaveLength(1);
    expect(picked(made)).not.toContain(made.state(0));
  });

  test('by a refused connection like by any other failure where Istio’s rules hold', () => {
    const made = bench(3, { splitLocalFailures: false });
    made.fail(0, 4, 'refused');
    expect(made.health()).toEqual([]);
    made.fail(0, 1, 'refused');
    expect(made.health()).toHaveLength(1);
  });

  test('with local failures and errors counted apart when split', () => {
    const made = bench(4, { consecutiveLocalFailures: 5 });
    for (let i = 0; i < 4; i += 1) {
      made.fail(0, 1, 'local-failure');
      made.fail(0, 1, '5xx');
    }
    expect(made.health()).toEqual([]);
    made.fail(0, 1, '5xx');
    expect(made.health()).toHaveLength(1);
  });

  test('with local failures counted as errors when not split', () => {
    const made = bench(4, { splitLocalFailures: false });
    made.fail(0, 2, 'local-failure');
    made.fail(0, 2, '5xx');
    made.fail(0, 1, 'local-failure');
    expect(made.health()).toHaveLength(1);
  });

  test('by gateway errors alone when the policy counts them, which another error interrupts', () => {
    const made = bench(4, { consecutive5xx: 0, consecutiveGatewayErrors: 3 });
    made.fail(0, 2, 'gateway-error');
    made.fail(0, 1, '5xx');
    made.fail(0, 2, 'gateway-error');
    expect(made.health()).toEqual([]);
    made.fail(0, 1, 'gateway-error');
    expect(made.health()).toHaveLength(1);
  });

  test('never, when all counts are 0', () => {
    const made = bench(4, {
      consecutive5xx: 0,
      consecutiveGatewayErrors: 0,
      consecutiveLocalFailures: 0,
    });
    made.fail(0, 100);
    made.fail(0, 100, 'local-failure');
    expect(made.health()).toEqual([]);
  });

  test('not by results that say nothing of it', () => {
    const made = bench(4);
    made.fail(0, 100, 'neutral');
    expect(made.health()).toEqual([]);
    expect(made.state(0).inFlight).toBe(0);
  });
});

describe('the share of the ejected', () => {
  test('is at most half of ours', () => {
    const made = bench(10);
    for (let i = 0; i < 10; i += 1) made.fail(i, 5);
    expect(made.health()).toHaveLength(5);
  });

  test('allows one of two, and of three, though the ratio would not', () => {
    for (const count of [2, 3]) {
      const made = bench(count, { maxEjectedRatio: 0.1 });
      for (let i = 0; i < count; i += 1) made.fail(i, 5);
      expect(made.health()).toHaveLength(1);
    }
  });

  test('never takes the only endpoint', () => {
    const made = bench(1);
    made.fail(0, 100);
    made.fail(0, 100, 'local-failure');
    expect(made.health()).toEqual([]);
    expect(picked(made, 1)).toContain(made.state(0));
  });

  test('leaves room for the next one once one is back', () => {
    const made = bench(2, { baseEjectionMs: 10_000 });
    made.fail(0, 5);
    made.fail(1, 5);
    made.clock.advance(10_000);
    attempt(made.state(0), 'success', made.clock.now());
    made.fail(1, 1);
    expect(made.health().at(-1)).toBe(`endpoint-ejected ${made.state(1).endpoint.id}`);
  });

  test('hostile case 69: all at fault still leaves somebody to call', () => {
    const made = bench(4, { maxEjectedRatio: 1 });
    for (let i = 0; i < 4; i += 1) made.fail(i, 5);
    expect(made.health()).toHaveLength(4);
    expect(picked(made).size).toBe(4);
  });

  test('below the panic ratio everybody is used again, above it only the healthy', () => {
    const made = bench(10, { maxEjectedRatio: 0.9, minHealthyRatio: 0.5 });
    for (let i = 0; i < 5; i += 1) made.fail(i, 5);
    made.clock.advance(1);
    expect(picked(made).size).toBe(5);
    made.fail(5, 5);
    made.clock.advance(1);
    expect(picked(made).size).toBe(10);
  });

  test('without a panic ratio the few that are healthy take it all', () => {
    const made = bench(10, { maxEjectedRatio: 0.9, minHealthyRatio: 0 });
    for (let i = 0; i < 9; i += 1) made.fail(i, 5);
    expect(picked(made)).toEqual(new Set([made.state(9)]));
  });
});

describe('an ejection', () => {
  test('lasts 30 s, then 60, then 90, up to 300', () => {
    const made = bench(4);
    const lengths: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      made.fail(0, 5);
      const ejectedAt = made.clock.now();
      while (made.health().at(-1)?.startsWith('endpoint-ejected')) made.clock.advance(1_000);
      lengths.push((made.clock.now() - ejectedAt) / 1_000);
    }
    expect(lengths.slice(0, 4)).toEqual([30, 60, 90, 120]);
    expect(lengths.at(-1)).toBe(300);
  });

  test('is shorter again by one base for each interval in health', () => {
    const made = bench(4);
    const lengthOf = () => {
      made.fail(0, 5);
      const event = made.events.findLast(({ kind }) => kind === 'endpoint-ejected');
      return event?.kind === 'endpoint-ejected' ? event.forMs : 0;
    };
    expect(lengthOf()).toBe(30_000);
    made.clock.advance(30_000);
    expect(lengthOf()).toBe(60_000);
    made.clock.advance(60_000);
    attempt(made.state(0), 'success', made.clock.now());
    made.clock.advance(10_000);
    expect(lengthOf()).toBe(60_000);
  });

  test('ends in probation: one request at a time, and one more for each that succeeds', () => {
    const made = bench(2);
    made.fail(0, 5);
    made.clock.advance(30_000);
    const back = made.state(0);
    const begun = () => {
      let requests = 0;
      while (requests < 100 && picked(made).has(back)) {
        back.begin();
        requests += 1;
      }
      for (let i = 0; i < requests; i += 1) back.end('neutral', 5, made.clock.now());
      return requests;
    };
    expect(begun()).toBe(1);
    attempt(back, 'success', made.clock.now());
    expect(begun()).toBe(2);
    for (let i = 0; i < 14; i += 1) attempt(back, 'success', made.clock.now());
    expect(begun()).toBe(16);
    attempt(back, 'success', made.clock.now());
    expect(begun()).toBe(100);
  });

  test('is followed by another after a single failure in probation', () => {
    const made = bench(4);
    made.fail(0, 5);
    made.clock.advance(30_000);
    made.fail(0, 1);
    expect(made.health().map((line) => line.split(' ')[0])).toEqual([
      'endpoint-ejected',
      'endpoint-restored',
      'endpoint-ejected',
    ]);
  });

  test('ends at once when the registry says that the endpoint is up again', () => {
    const made = bench(2);
    made.fail(0, 5);
    const [first, second] = endpoints(2);
    if (first === undefined || second === undefined) throw new Error('two were made');
    made.cluster.update(listOf([{ ...first, status: 'down' }, second]));
    expect(picked(made)).toEqual(new Set([made.state(1)]));
    made.cluster.update(listOf([first, second]));
    expect(made.health().at(-1)).toBe(`endpoint-restored ${first.id}`);
    expect(picked(made).size).toBe(2);
  });

  test('hostile case 72: is not touched by a jump of the wall clock', () => {
    const made = bench(4);
    made.fail(0, 5);
    made.clock.jumpWall(3_600_000);
    made.clock.advance(29_999);
    expect(made.health()).toHaveLength(1);
    made.clock.jumpWall(-7_200_000);
    made.clock.advance(1);
    expect(made.health()).toHaveLength(2);
  });
});

test('no timer runs while nobody is ejected or remembered', () => {
  const made = bench(4);
  expect(made.clock.pendingTimers).toBe(0);
  made.fail(0, 5);
  expect(made.clock.pendingTimers).toBe(1);
  made.clock.advance(60_000);
  expect(made.clock.pendingTimers).toBe(0);
});

test('after it is forgotten an endpoint is as one that never failed', () => {
  const made = bench(4);
  for (let round = 0; round < 3; round += 1) {
    made.fail(0, 5);
    made.clock.advance(30_000 * (round + 1));
  }
  made.clock.advance(300_000);
  expect(made.clock.pendingTimers).toBe(0);
  expect([made.state(0).suspicions, made.state(0).ejections]).toEqual([0, 0]);
});

test('closing the cluster ends the sweep', () => {
  const made = bench(4);
  made.fail(0, 5);
  made.cluster.close();
  made.cluster.close();
  expect(made.clock.pendingTimers).toBe(0);
  made.fail(0, 5);
  expect(made.clock.pendingTimers).toBe(0);
});

test('switched off, nobody is ejected', () => {
  const made = policyBench(endpoints(2), { outlier: null });
  const target = made.cluster.destination(destination());
  const [state] = made.cluster.endpoints.values();
  for (let i = 0; i < 100; i += 1) attempt(state as EndpointState, 'local-failure', 0);
  expect(made.health()).toEqual([]);
  expect(target.pick(0, undefined, undefined)).toBeDefined();
});

test('a subset with its own policy ejects its own endpoints, and it is told once', () => {
  const all = endpoints(6, (i) => ({ labels: { version: i < 3 ? 'v1' : 'v2' } }));
  const made = policyBench(all);
  const whole = made.cluster.destination(destination());
  const strict = made.cluster.destination(
    destination({
      subset: 'v1',
      labels: { version: 'v1' },
      policy: { outlier: { consecutive5xx: 1 } },
    }),
  );
  const states = [...made.cluster.endpoints.values()];
  attempt(states[5] as EndpointState, '5xx', 0);
  attempt(states[0] as EndpointState, '5xx', 0);
  expect(made.health()).toEqual([`endpoint-ejected ${all[0]?.id}`]);
  const seen = (target: typeof whole) =>
    new Set(Array.from({ length: 300 }, () => target.pick(0, undefined, undefined)));
  expect(seen(strict).size).toBe(2);
  expect(seen(whole).size).toBe(6);
  for (let i = 0; i < 4; i += 1) attempt(states[0] as EndpointState, '5xx', 0);
  expect(made.health()).toHaveLength(1);
  expect(seen(whole).size).toBe(5);
});

describe('an endpoint that fails often, and never in a row', () => {
  /** Every endpoint gets `requests`, of which `failed(index)` fail, spread out. */
  function play(count: number, requests: number, failed: (index: number) => number, outlier = {}) {
    const made = bench(count, { consecutive5xx: 0, ...outlier });
    for (let request = 0; request < requests; request += 1) {
      for (let index = 0; index < count; index += 1) {
        const isFailure =
          Math.floor((request * failed(index)) / requests) <
          Math.floor(((request + 1) * failed(index)) / requests);
        attempt(made.state(index), isFailure ? '5xx' : 'success', made.clock.now());
      }
      made.clock.advance(4_000 / requests);
    }
    return made;
  }

  test('is ejected by its success rate, far below that of the others', () => {
    const made = play(10, 200, (index) => (index === 0 ? 80 : 2));
    expect(made.health()).toEqual([`endpoint-ejected ${made.state(0).endpoint.id}`]);
    expect(made.events.at(-1)).toMatchObject({
      reason: expect.stringMatching(/% of its requests/),
    });
  });

  test('is not ejected for a deviation that is small in itself', () => {
    expect(play(10, 200, (index) => (index === 0 ? 4 : 0)).health()).toEqual([]);
  });

  test('is not ejected while all fail alike', () => {
    expect(play(10, 200, () => 100).health()).toEqual([]);
  });

  test('is ejected by its share of failures where deviations are not looked at', () => {
    const outlier = { successRateFactor: 0 };
    const made = play(6, 200, (index) => (index === 0 ? 180 : 60), outlier);
    expect(made.health()).toEqual([`endpoint-ejected ${made.state(0).endpoint.id}`]);
    expect(play(6, 200, (index) => (index === 0 ? 160 : 60), outlier).health()).toEqual([]);
  });

  test('is not judged by too few requests, nor among too few endpoints, nor where that is off', () => {
    expect(play(10, 90, (index) => (index === 0 ? 60 : 0)).health()).toEqual([]);
    expect(play(4, 200, (index) => (index === 0 ? 100 : 0)).health()).toEqual([]);
    const off = { successRateFactor: 0, failureRatio: 0 };
    expect(play(10, 200, (index) => (index === 0 ? 190 : 0), off).health()).toEqual([]);
  });

  test('is not ejected again for what it did before it was', () => {
    const made = play(10, 200, (index) => (index === 0 ? 80 : 0), {
      baseEjectionMs: 1_000,
      intervalMs: 1_000,
    });
    made.clock.advance(2_500);
    made.fail(1, 1);
    expect(made.health()).toEqual([
      `endpoint-ejected ${made.state(0).endpoint.id}`,
      `endpoint-restored ${made.state(0).endpoint.id}`,
    ]);
  });
});
