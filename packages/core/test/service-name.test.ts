import {
  isLabel,
  isMeshError,
  parseMeshHost,
  serviceHost,
  serviceName,
  splitServiceName,
} from '@inmesh/core';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

const scope = { namespace: 'shop', domain: 'cluster.local', namespaces: ['prod'] };

test.each([
  ['reviews', 'reviews.shop'],
  ['Reviews', 'reviews.shop'],
  ['reviews.', 'reviews.shop'],
  ['reviews.shop', 'reviews.shop'],
  ['reviews.prod', 'reviews.prod'],
  ['reviews.other.svc', 'reviews.other'],
  ['reviews.other.svc.cluster.local', 'reviews.other'],
  ['reviews.other.svc.cluster.local.', 'reviews.other'],
])('host %s means the service %s', (host, service) => {
  expect(parseMeshHost(host, scope)).toBe(service);
});

test.each([
  'example.com',
  'reviews.other',
  'api.reviews.shop',
  'localhost',
  'LOCALHOST',
  '127.0.0.1',
  '10.0.0.1.',
  '1',
  '0x7f.1',
  '2130706433',
  '0x7f000001',
  '[::1]',
  'a.svc.example.com',
])('host %s is outside the mesh', (host) => {
  expect(parseMeshHost(host, scope)).toBeUndefined();
});

test.each([
  'reviews.svc.cluster.local',
  'a.b.c.svc.cluster.local',
  'reviews.pod.cluster.local',
  'a.b.c.svc',
  '.svc',
  '',
  '.',
  'under_score',
  '-a',
  'a-',
  'a'.repeat(64),
  'é',
  'a b',
  'a\r\nb',
])('host %j can only be a mesh name, and is refused rather than looked up', (host) => {
  expect(() => parseMeshHost(host, scope)).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});

test('without a scope the namespace is default and the domain cluster.local', () => {
  expect(parseMeshHost('a')).toBe('a.default');
  expect(parseMeshHost('a.prod')).toBeUndefined();
});

test('the message of a bad name says which part it is and what may be written', () => {
  expect(() => serviceName('A')).toThrow(/^service "A" must be 1 to 63 of a-z/);
  expect(() => serviceName('a', 'b_c')).toThrow(/^namespace "b_c" must/);
  expect(() => serviceName(undefined as unknown as string)).toThrow('service undefined must');
});

test('a label is up to 63 of a-z, 0-9 and - with neither end a -', () => {
  for (const good of ['a', '0', 'a-b', 'a--b', 'a'.repeat(63)])
    expect([good, isLabel(good)]).toEqual([good, true]);
  for (const bad of ['', '-', 'a-', '-a', 'A', 'a.b', 'a_b', 'a\n', '__proto__', 'a'.repeat(64)]) {
    expect([bad, isLabel(bad)]).toEqual([bad, false]);
  }
});

test('a service name comes back from its parts and from its host', () => {
  const label = fc
    .stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/)
    .filter((text) => text !== 'localhost');
  fc.assert(
    fc.property(label, label, (name, namespace) => {
      const service = serviceName(name, namespace);
      expect(splitServiceName(service)).toEqual({ name, namespace });
      expect(parseMeshHost(serviceHost(service), scope)).toBe(service);
    }),
  );
});

test('any host is a service, outside, or a clear refusal: never another error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.domain(), fc.stringMatching(/^[a-z.]{0,20}$/)), (host) => {
      try {
        const service = parseMeshHost(host, scope);
        if (service !== undefined) expect(service.split('.').every(isLabel)).toBe(true);
      } catch (error) {
        expect(isMeshError(error, 'invalid_argument')).toBe(true);
      }
    }),
  );
});

test('a name without a namespace is in the default one', () => {
  expect(splitServiceName('a')).toEqual({ name: 'a', namespace: 'default' });
});
