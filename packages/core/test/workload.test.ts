import { createWorkload } from '@inmesh/core';
import { expect, test } from '@jest/globals';

test('everything but the service has a default', () => {
  expect(createWorkload({ service: 'orders' })).toEqual({
    service: 'orders.default',
    name: 'orders',
    namespace: 'default',
    version: '',
    labels: {},
    serviceAccount: 'default',
    locality: { region: '', zone: '', subzone: '' },
    trustDomain: 'cluster.local',
  });
});

test('the version and the version label are one thing, and the option wins', () => {
  expect(createWorkload({ service: 'a', version: 'v1' }).labels).toEqual({ version: 'v1' });
  expect(createWorkload({ service: 'a', labels: { version: 'v2', team: 'x' } }).version).toBe('v2');
  const both = createWorkload({ service: 'a', version: 'v1', labels: { version: 'v2' } });
  expect([both.version, both.labels.version]).toEqual(['v1', 'v1']);
});

test('it cannot be changed afterwards', () => {
  const workload = createWorkload({ service: 'a', locality: { zone: 'z' } });
  for (const part of [workload, workload.labels, workload.locality])
    expect(Object.isFrozen(part)).toBe(true);
  expect(workload.locality).toEqual({ region: '', zone: 'z', subzone: '' });
});

test('names that are no labels are refused', () => {
  expect(() => createWorkload({ service: '' })).toThrow('service "" must be');
  expect(() => createWorkload({ service: 'a', namespace: 'B' })).toThrow('namespace "B" must be');
});

test.each([
  { version: 'v1\r\nx-admin: 1' },
  { version: 'a;b' },
  { version: 'x'.repeat(64) },
  { labels: { version: '-' } },
  { version: 5 as never },
])('62: a version that would not fit in a header is refused: %j', (options) => {
  expect(() => createWorkload({ service: 'a', ...options })).toThrow('version must be at most 63');
});

test('a service account is a name', () => {
  for (const serviceAccount of ['', 'A', 'a;b', 'a\nb']) {
    expect(() => createWorkload({ service: 'a', serviceAccount })).toThrow(
      'serviceAccount must be',
    );
  }
});
