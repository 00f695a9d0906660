import type { EndpointList } from '@inmesh/core';
import { createFakeClock, createMemorySource } from '@inmesh/testing';
import { expect, test } from '@jest/globals';

test('a follower is told what is known at once, and every change', () => {
  const clock = createFakeClock(100);
  const source = createMemorySource(clock);
  const told: EndpointList[] = [];
  source.follow('reviews.default', (list) => told.push(list));
  source.set('reviews', [{ port: 9080 }, { port: 9081, labels: { version: 'v2' } }]);
  source.set('reviews.default', []);
  source.remove('reviews');
  expect(told.map(({ state, endpoints }) => [state, endpoints.length])).toEqual([
    ['unknown', 0],
    ['live', 2],
    ['live', 0],
    ['unknown', 0],
  ]);
  expect(told[1]).toMatchObject({ service: 'reviews.default', asOf: 100 });
  expect(told[1]?.endpoints[1]?.labels).toEqual({ version: 'v2' });
  expect(source.get('reviews.default')).toBe(told[3]);
});

test('while it is lost lists are stale and nothing changes; found again, all comes', () => {
  const source = createMemorySource();
  const told: string[] = [];
  source.set('a', [{ port: 1 }]);
  source.lose();
  source.follow('a.default', ({ state, endpoints }) => told.push(`${state} ${endpoints.length}`));
  source.follow('b.default', ({ state, endpoints }) => told.push(`b ${state} ${endpoints.length}`));
  source.set('a', [{ port: 1 }, { port: 2 }]);
  source.set('b', [{ port: 3 }]);
  expect(told).toEqual(['stale 1']);
  expect(source.get('b.default')).toBeUndefined();
  source.find();
  expect(told).toEqual(['stale 1', 'live 2', 'b live 1']);
});

test('followers are counted, one that left is not told, and a listener twice counts twice', () => {
  const source = createMemorySource();
  let calls = 0;
  const listener = (): void => {
    calls += 1;
  };
  const leave = [source.follow('a.b', listener), source.follow('a.b', listener)];
  expect(source.followers).toBe(2);
  leave[0]?.();
  leave[0]?.();
  expect(source.followers).toBe(1);
  source.set('a.b', []);
  expect(calls).toBe(3);
  leave[1]?.();
  expect(source.followers).toBe(0);
});

test('a listener that throws does not keep the others from hearing, and the test hears of it', () => {
  const source = createMemorySource();
  let heard = 0;
  source.set('a', []);
  let broken = false;
  source.follow('a.default', () => {
    if (broken) throw new Error('boom');
  });
  source.follow('a.default', () => {
    heard += 1;
  });
  broken = true;
  expect(() => source.set('a', [{ port: 1 }])).toThrow(AggregateError);
  expect(heard).toBe(2);
});

test('endpoints that cannot be are refused as a static source refuses them', () => {
  const source = createMemorySource();
  expect(() => source.set('a', [{ port: 0 }])).toThrow('port must be within 1..65535, got 0');
  expect(() => source.set('UPPER', [])).toThrow('UPPER');
});
