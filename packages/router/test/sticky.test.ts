import { stickyPassOn } from '@inmesh/router';
import { expect, test } from '@jest/globals';
import { murmur3 } from '../src/murmur3.ts';
import { createRendezvous } from '../src/rendezvous.ts';
import { compiled, forwarded, request, to, versions, virtualService } from './fixtures.ts';

const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function assign(weights: Readonly<Record<string, number>>): string[] {
  const names = Object.keys(weights);
  const { pick } = createRendezvous(names, Object.values(weights));
  return keys.map((key) => names[pick(key)] as string);
}

function moves(before: string[], after: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  before.forEach((from, i) => {
    const into = after[i] as string;
    if (from !== into) counts[`${from}>${into}`] = (counts[`${from}>${into}`] ?? 0) + 1;
  });
  return counts;
}

/** Within 3.29 standard deviations (99.9 %) of a binomial share of all keys. */
function expectShare(count: number, ratio: number): void {
  const deviation = Math.sqrt(keys.length * ratio * (1 - ratio));
  expect(Math.abs(count - keys.length * ratio)).toBeLessThan(3.29 * deviation);
}

test('the hash is MurmurHash3 x86 32: the published vectors', () => {
  expect(murmur3(utf8(''), 0)).toBe(0);
  expect(murmur3(utf8(''), 1)).toBe(0x514e28b7);
  expect(murmur3(utf8('test'), 0)).toBe(0xba6bd213);
  expect(murmur3(utf8('test'), 0x9747b28c)).toBe(0x704b81dc);
  expect(murmur3(utf8('Hello, world!'), 0)).toBe(0xc0363e43);
  expect(murmur3(utf8('The quick brown fox jumps over the lazy dog'), 0x9747b28c)).toBe(0x2fa826cd);
});

test('assignments are fixed for ever: another process, release or language computes the same', () => {
  const { pick } = createRendezvous(['v1', 'v2', 'v3'], [60, 30, 10]);
  // Computed by an implementation of the README's formula in another language.
  expect(['alice', 'bob', 'jürgen', ''].map(pick)).toEqual([0, 1, 0, 0]);
  const users = keys.slice(0, 16).map(pick);
  expect(users).toEqual([2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0]);
});

test('shares are those of the weights, for any number of versions', () => {
  for (const weights of [
    { v1: 95, v2: 5 },
    { v1: 60, v2: 30, v3: 10 },
    { a: 1, b: 1, c: 1, d: 1, e: 4 },
  ]) {
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    const assigned = assign(weights);
    for (const [name, weight] of Object.entries(weights)) {
      expectShare(assigned.filter((one) => one === name).length, weight / total);
    }
  }
});

test('from 5 to 20 % moves 15 % of the keys, all to the canary and nobody back', () => {
  const counts = moves(assign({ v1: 95, v2: 5 }), assign({ v1: 80, v2: 20 }));
  expect(Object.keys(counts)).toEqual(['v1>v2']);
  expectShare(counts['v1>v2'] as number, 0.15);
});

test('raising one of several versions moves keys to it only, exactly its new share', () => {
  // 5 % of 100, then 20 % of 118.75: the weights of the others stay as they are.
  const counts = moves(
    assign({ v1: 60, v2: 25, v3: 10, canary: 5 }),
    assign({ v1: 60, v2: 25, v3: 10, canary: 23.75 }),
  );
  expect(Object.keys(counts).every((move) => move.endsWith('>canary'))).toBe(true);
  expectShare(
    Object.values(counts).reduce((sum, count) => sum + count, 0),
    0.15,
  );
});

test('removing a version moves its keys only, and they spread over the others', () => {
  const counts = moves(assign({ v1: 50, v2: 30, v3: 20 }), assign({ v1: 50, v2: 30 }));
  expect(Object.keys(counts).sort()).toEqual(['v3>v1', 'v3>v2']);
});

test('the order of versions does not matter', () => {
  expect(assign({ v1: 70, v2: 30 })).toEqual(assign({ v2: 30, v1: 70 }));
});

function sticky(source: string, weights: readonly [number, number] = [50, 50]) {
  const annotations = { 'inmesh.dev/sticky': source };
  const http = [{ route: [to('v1', weights[0]), to('v2', weights[1])] }];
  return compiled([virtualService({ http }, { annotations }), versions]);
}

const noDraw = (): number => {
  throw new Error('the key decides, nothing is drawn');
};
const context = (passOn: string[], baggage = '') => ({
  context: {
    trace: undefined,
    deadline: Number.POSITIVE_INFINITY,
    identity: undefined,
    baggage,
    passOn,
  },
});

test('sticky header: the same user keeps the version, over routers made anew', () => {
  for (const user of keys.slice(0, 50)) {
    const call = request({ headers: ['user-id', user] });
    const first = forwarded(sticky('header:User-Id').route(call, noDraw)).destination.subset;
    expect(forwarded(sticky('header:User-Id').route(call, noDraw)).destination.subset).toBe(first);
  }
});

test('sticky: without a key every call is drawn by weight', () => {
  const router = sticky('header:user-id');
  expect(forwarded(router.route(request(), () => 0.1)).destination.subset).toBe('v1');
  expect(forwarded(router.route(request(), () => 0.9)).destination.subset).toBe('v2');
});

test('sticky per route: the annotation with its name wins', () => {
  const annotations = { 'inmesh.dev/sticky': 'header:a', 'inmesh.dev/sticky.own': 'header:b' };
  const http = [{ name: 'own', route: [to('v1', 50), to('v2', 50)] }];
  const router = compiled([virtualService({ http }, { annotations }), versions]);
  expect(() => router.route(request({ headers: ['b', '1'] }), noDraw)).not.toThrow();
  expect(() => router.route(request({ headers: ['a', '1'] }), noDraw)).toThrow('nothing is drawn');
});

/** The version at the first hop, and what an inbound request there carries on to the second. */
function hops(source: string, headers: string[]): [string, string] {
  const router = sticky(source);
  const first = forwarded(router.route(request({ headers }), noDraw)).destination.subset;
  const passOn = stickyPassOn(router.stickySources, headers);
  const second = forwarded(router.route(request(context(passOn)), noDraw)).destination.subset;
  return [first, second];
}

test('the key travels on: every hop behind an inbound request decides the same', () => {
  for (const user of keys.slice(0, 50)) {
    for (const [source, headers] of [
      ['header:user-id', ['user-id', user]],
      ['cookie:session', ['cookie', `a=b; session=${user}`]],
      ['header:authorization', ['authorization', `Bearer ${user}`]],
    ] as const) {
      const [first, second] = hops(source, [...headers]);
      expect(second).toBe(first);
    }
  }
});

test('a third hop reads the digest that the first made', () => {
  const router = sticky('cookie:session');
  const passOn = stickyPassOn(router.stickySources, ['cookie', 'session=ann']);
  expect(stickyPassOn(router.stickySources, passOn)).toEqual(passOn);
});

test('cookies and credentials travel as a digest, never as they are', () => {
  for (const [source, headers] of [
    ['cookie:session', ['cookie', 'session=secret']],
    ['header:authorization', ['authorization', 'secret']],
  ] as const) {
    const passOn = stickyPassOn(sticky(source).stickySources, headers);
    expect(passOn).toHaveLength(2);
    expect(passOn.join()).not.toContain('secret');
  }
});

test('sticky baggage: from the own header, or from the context, which passes it on by itself', () => {
  const router = sticky('baggage:user');
  const own = forwarded(
    router.route(request({ headers: ['baggage', 'a=1, user=ann%20b;p=1'] }), noDraw),
  );
  const inherited = forwarded(router.route(request(context([], 'user=ann%20b')), noDraw));
  expect(inherited).toBe(own);
  expect(stickyPassOn(router.stickySources, ['baggage', 'user=ann'])).toEqual([]);
});

test('hashKey: the caller gives the key, and it is sent with the request for the next hop', () => {
  for (const [source, carrier] of [
    ['header:user-id', 'user-id'],
    ['cookie:session', 'inmesh-sticky-session'],
    ['baggage:user', 'baggage'],
  ] as const) {
    for (const hashKey of ['ann', 'jürgen\r\n\ud800']) {
      const router = sticky(source);
      const decision = forwarded(router.route(request({ options: { hashKey } }), noDraw));
      const sent = [
        ...(decision.requestHeaders?.set ?? []),
        ...(decision.requestHeaders?.add ?? []),
      ];
      expect(sent[0]).toBe(carrier);
      expect(sent[1]).toMatch(/^[\x21-\x7e]+$/);
      const next = forwarded(router.route(request({ headers: sent }), noDraw));
      expect(next.destination.subset).toBe(decision.destination.subset);
    }
  }
});

test('hosts with the same subsets agree: one user, one version, at every service', () => {
  const annotations = { 'inmesh.dev/sticky': 'header:user' };
  const split = (host: string) =>
    virtualService(
      {
        hosts: [host],
        http: [
          { route: ['v1', 'v2'].map((subset) => ({ destination: { host, subset }, weight: 50 })) },
        ],
      },
      { name: host, annotations },
    );
  const router = compiled([split('reviews'), split('ratings')]);
  for (const user of keys.slice(0, 50)) {
    const at = (service: string): string =>
      forwarded(router.route(request({ service, headers: ['user', user] }), noDraw)).destination
        .subset;
    expect(at('ratings.default')).toBe(at('reviews.default'));
  }
});

test('sticky keys that belong to one connection, and splits that cannot be told apart, are refused', () => {
  expect(() => sticky('header:content-length')).toThrow(/cannot be a sticky key/);
  expect(() => sticky('user')).toThrow(/header:NAME/);
  const annotations = { 'inmesh.dev/sticky': 'header:user' };
  const http = [{ route: [to('v1', 1), to('v1', 1)] }];
  expect(() => compiled([virtualService({ http }, { annotations })])).toThrow(
    /these repeat: v1, v1/,
  );
});
