import { type EndpointList, isMeshError, staticEndpoint, staticSource } from '@inmesh/core';
import { expect, test } from '@jest/globals';

test('address and everything but the port have defaults', () => {
  const source = staticSource({ reviews: [{ port: 9080 }] });
  expect(source.get('reviews.default')).toEqual({
    service: 'reviews.default',
    endpoints: [
      {
        id: 'reviews.default/127.0.0.1:9080',
        service: 'reviews.default',
        address: '127.0.0.1',
        ports: [{ name: 'http', port: 9080 }],
        status: 'up',
        labels: {},
        metadata: {},
        locality: { region: '', zone: '', subzone: '' },
        weight: 1,
        serviceAccount: 'default',
        tls: 'none',
      },
    ],
    revision: 'static',
    state: 'live',
    asOf: 0,
  });
});

test('what is given wins over the defaults', () => {
  const endpoint = staticEndpoint('a.b', {
    id: 'mine',
    address: '::1',
    port: 1,
    servicePort: 80,
    weight: 0.5,
    labels: { version: 'v2' },
    status: 'draining',
  });
  expect(endpoint).toMatchObject({
    id: 'mine',
    address: '::1',
    ports: [{ name: 'http', port: 1, servicePort: 80 }],
    weight: 0.5,
    labels: { version: 'v2' },
    status: 'draining',
  });
  expect(Object.isFrozen(endpoint)).toBe(true);
});

test('keys name a namespace after a dot', () => {
  const source = staticSource({ 'a.prod': [{ port: 1 }] });
  expect(source.get('a.prod')?.endpoints).toHaveLength(1);
  expect(source.get('a.default')?.state).toBe('unknown');
});

test('a service that is not listed is unknown; one without endpoints is known', () => {
  const source = staticSource({ empty: [] });
  expect(source.get('empty.default')).toMatchObject({ state: 'live', endpoints: [] });
  expect(source.get('other.default')).toMatchObject({ state: 'unknown', endpoints: [] });
  expect(source.get('__proto__.default')?.state).toBe('unknown');
});

test('a follower is told once, at once', async () => {
  const source = staticSource({ a: [{ port: 1 }] });
  const told: EndpointList[] = [];
  const leave = source.follow('a.default', (list) => told.push(list));
  leave();
  leave();
  await source.close();
  expect(told).toEqual([source.get('a.default')]);
});

test.each([0, -1, 65_536, 1.5, Number.NaN, '80'])(
  'port %p is refused with the service and the value',
  (port) => {
    expect(() => staticSource({ reviews: [{ port: port as number }] })).toThrow(
      `reviews.default: port must be within 1..65535, got ${port}`,
    );
  },
);

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('weight %p is refused', (weight) => {
  expect(() => staticEndpoint('a.b', { port: 1, weight })).toThrow(
    `weight must be above 0, got ${weight}`,
  );
});

test.each(['', 'localhost', 'reviews', '127.1', '[::1]', '10.0.0.1:80', 'http://10.0.0.1'])(
  'address %j is refused: what a name means is decided before',
  (address) => {
    expect(() => staticEndpoint('a.b', { port: 1, address })).toThrow(
      `a.b: address must be an IP literal, got ${JSON.stringify(address)}`,
    );
  },
);

test('a name that is no service is refused', () => {
  for (const name of ['', 'A', 'a.b.c', 'a/b', '.a']) {
    try {
      staticSource({ [name]: [] });
      throw new Error(`${name} was taken`);
    } catch (error) {
      expect([name, isMeshError(error, 'invalid_argument')]).toEqual([name, true]);
    }
  }
});
