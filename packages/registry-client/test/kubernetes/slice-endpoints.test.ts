import { expect, test } from '@jest/globals';
import {
  type EndpointSlice,
  endpointsOf,
  type ServiceFacts,
} from '../../src/kubernetes/slice-endpoints.ts';
import { slice } from './fake-api-server.ts';

const service: ServiceFacts = {
  namespace: 'default',
  name: 'orders',
  servicePorts: new Map(),
  pods: new Map(),
};

const read = (...slices: object[]): ReturnType<typeof endpointsOf> =>
  endpointsOf(slices as EndpointSlice[], service);
const statuses = (...conditions: (object | null)[]): string[] =>
  read(
    slice(
      'a',
      conditions.map((each, i) => ({ address: `10.0.0.${i}`, conditions: each })),
    ),
  ).map(({ status }) => status);

test('what is not said of an endpoint counts as ready', () => {
  expect(statuses(null, {}, { ready: null }, { ready: true })).toEqual(['up', 'up', 'up', 'up']);
});

test('one that is not ready is down; one that shuts down and serves is draining', () => {
  expect(
    statuses(
      { ready: true },
      { ready: false },
      { ready: false, serving: true, terminating: true },
      { ready: false, serving: false, terminating: true },
    ),
  ).toEqual(['up', 'down', 'draining', 'down']);
});

test('with nobody ready, those that shut down and still serve are called', () => {
  expect(statuses({ ready: false }, { ready: false, serving: true, terminating: true })).toEqual([
    'down',
    'up',
  ]);
});

test('an endpoint in two slices is one, with the ports of both', () => {
  const [only, ...others] = read(
    slice('a', [{ address: '10.0.0.1', pod: 'p' }]),
    slice('b', [{ address: '10.0.0.1', pod: 'p' }], {
      ports: [
        { name: 'http', port: 8080 },
        { name: 'admin', port: 9090 },
      ],
    }),
  );
  expect(others).toEqual([]);
  expect(only?.ports.map(({ name, port }) => `${name} ${port}`)).toEqual([
    'http 8080',
    'admin 9090',
  ]);
});

test('a pod of two address families is one endpoint, by IPv4', () => {
  const all = read(
    slice('six', [{ address: 'fd00::1', pod: 'p' }], { addressType: 'IPv6' }),
    slice('four', [{ address: '10.0.0.1', pod: 'p' }]),
  );
  expect(all.map(({ address }) => address)).toEqual(['10.0.0.1']);
});

test.each([
  ['names instead of addresses', { addressType: 'FQDN' }],
  ['no ports', { ports: null }],
  ['a port of UDP', { ports: [{ port: 53, protocol: 'UDP' }] }],
])('slices with %s are left out', (_what, more) => {
  expect(read(slice('a', [{ address: '10.0.0.1' }], more))).toEqual([]);
});

test('a port without a name has one made of its number', () => {
  const [endpoint] = read(slice('a', [{ address: '10.0.0.1' }], { ports: [{ port: 8080 }] }));
  expect(endpoint?.ports).toEqual([{ name: 'port-8080', port: 8080 }]);
});
