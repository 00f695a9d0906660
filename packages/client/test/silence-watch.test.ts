import { eventually } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import type { EndpointState } from '../src/endpoint-state.ts';
import { SilenceWatch, type WaitingCall } from '../src/silence-watch.ts';
import { clientOf, upstream } from './client-fixture.ts';
import { attempt, destination, endpoints, policyBench } from './policy-fixtures.ts';

const policy = { afterMs: 500, latencyFactor: 4, minWaiting: 3 };

/** Calls that wait at endpoints of a fake cluster; `left` is which of them were asked to go elsewhere. */
function bench({ known = 5 } = {}) {
  const made = policyBench(endpoints(4));
  made.cluster.destination(destination()); // has the ejection
  const states = [...made.cluster.endpoints.values()] as EndpointState[];
  const [first] = states as [EndpointState];
  const calls = new Set<{ waiting: WaitingCall }>();
  const watch = new SilenceWatch(made.clock, calls);
  const left: number[] = [];
  let begun = 0;
  if (known > 0) {
    for (const state of states) {
      state.heard(made.clock.now());
      attempt(state, 'success', made.clock.now(), known);
    }
  }
  const wait = (count: number, state = first, silence: WaitingCall['silence'] = policy): void => {
    for (let i = 0; i < count; i += 1) {
      const number = begun;
      begun += 1;
      state.begin();
      const call = {
        waiting: {
          endpointState: state,
          attemptedAt: made.clock.now(),
          silence,
          goElsewhere() {
            left.push(number);
            calls.delete(call);
          },
        },
      };
      calls.add(call);
    }
    watch.started();
  };
  return { ...made, states, first, calls, watch, wait, left };
}

describe('an endpoint that stops answering', () => {
  test('is ejected after half a second with three requests waiting, which go elsewhere', () => {
    const { clock, wait, left, health, first } = bench();
    wait(3);
    clock.advance(499);
    expect(health()).toEqual([]);
    clock.advance(251);
    expect(left).toEqual([0, 1, 2]);
    expect(health()).toEqual([`endpoint-ejected ${first.endpoint.id}`]);
  });

  test('is not suspected of it for fewer, or while it answers others', () => {
    const few = bench();
    few.wait(2);
    few.clock.advance(60_000);
    const busy = bench();
    busy.wait(3);
    for (let i = 0; i < 100; i += 1) {
      busy.clock.advance(200);
      busy.first.heard(busy.clock.now());
    }
    expect([few.left, busy.left, few.health(), busy.health()]).toEqual([[], [], [], []]);
  });

  test('has four times as long as it usually takes', () => {
    const { clock, wait, left } = bench({ known: 1_000 });
    wait(3);
    clock.advance(2_000);
    expect(left).toEqual([]);
    clock.advance(2_000);
    expect(left.length).toBeGreaterThan(0);
  });

  test('is back as soon as it is heard, and new requests wait for it again', () => {
    const { clock, wait, health, first } = bench();
    wait(3);
    clock.advance(1_000);
    first.heard(clock.now());
    expect(health()[1]).toBe(`endpoint-restored ${first.endpoint.id}`);
    expect(first.silent).toBe(false);
  });

  test('is asked no more for what comes to wait there while it is silent, be it a single request', () => {
    const { clock, wait, left } = bench();
    wait(3);
    clock.advance(1_000);
    left.length = 0;
    wait(1);
    clock.advance(750);
    expect(left).toContain(3);
  });
});

test('where nobody has answered anything yet nobody is silent: it is not known what is slow', () => {
  const { clock, wait, left } = bench({ known: 0 });
  wait(10);
  clock.advance(60_000);
  expect(left).toEqual([]);
});

test('one that has never answered is judged by what the others take', () => {
  const { clock, wait, left, states } = bench({ known: 0 });
  const [silent, other] = states as [EndpointState, EndpointState];
  other.heard(clock.now());
  attempt(other, 'success', clock.now(), 5);
  expect(silent.usualMs(clock.now())).toBe(5);
  wait(3, silent);
  clock.advance(1_000);
  expect(left).toContain(0);
});

test('switched off it looks at nothing', () => {
  const { clock, wait, left, first } = bench();
  wait(10, first, null);
  clock.advance(60_000);
  expect(left).toEqual([]);
});

test('while our own event loop stood still nobody else is called silent', () => {
  const { clock, wait, left, first } = bench();
  wait(3);
  clock.block(5_000);
  clock.advance(0); // the check comes late
  first.heard(clock.now()); // what had arrived is read
  clock.advance(400);
  expect(left).toEqual([]);
});

test('without calls it sets no timer, and closed it leaves none', () => {
  const { clock, wait, calls, watch } = bench();
  wait(1);
  calls.clear();
  clock.advance(250);
  expect(clock.pendingTimers).toBe(0);
  wait(1);
  watch.close();
  expect(clock.pendingTimers).toBe(0);
});

describe('a client whose endpoint falls silent', () => {
  const silence = { afterMs: 100 };

  test('answers its idempotent calls from elsewhere, and fails none that may not be sent again', async () => {
    const upstreams = [await upstream(), await upstream()];
    const client = clientOf(upstreams, { silence, balancer: { kind: 'round-robin' } });
    for (let i = 0; i < 20; i += 1) await client.request('http://reviews/');
    const [silent] = upstreams as [(typeof upstreams)[0]];
    silent.fault = ({ method }) =>
      method === 'GET' ? { kind: 'silent' } : { kind: 'slow', delayMs: 2_000 };
    const gets = Array.from({ length: 8 }, () => client.request('http://reviews/'));
    const post = Array.from({ length: 2 }, () =>
      client.request('http://reviews/', { method: 'POST', body: 'once' }),
    );
    const answers = await Promise.all(gets);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const ejected = () =>
      client.inspect().services[0]?.endpoints.map(({ ejected: isEjected }) => isEjected);
    expect(ejected()).toEqual([true, false]);
    const posted = await Promise.all(post);
    expect(posted.map(({ status }) => status)).toEqual([200, 200]);
    // It was heard: an answer to a request that waited on brings it back.
    await eventually(() => ejected()?.[0] === false);
  });
});
