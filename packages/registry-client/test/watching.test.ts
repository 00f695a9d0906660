import { staticEndpoint } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { fakeRegistry, follow, ids, moveUntil, setUp, until } from './fake/setting.ts';

const service = 'reviews.default';
const a = staticEndpoint(service, { id: 'a', port: 1001 });
const b = staticEndpoint(service, { id: 'b', port: 1002 });

test('a followed service is told at once and with every change', async () => {
  const registry = await fakeRegistry();
  registry.put(service, [a]);
  const { client } = setUp({ servers: registry.url });
  const lists = follow(client, service);
  await client.start();
  await until(() => lists.length === 1);
  expect(lists[0]).toMatchObject({ service, state: 'live', endpoints: [a] });
  registry.change(service, [b]);
  await until(() => lists.length === 2);
  expect(ids(client.get(service))).toEqual(['a', 'b']);
});

test('a stream that is cut goes on by Last-Event-ID and nobody is told that anything happened', async () => {
  const registry = await fakeRegistry();
  registry.put(service, [a]);
  const { client, clock, events } = setUp({ servers: registry.url });
  const lists = follow(client, service);
  await client.start();
  await until(() => lists.length === 1);
  registry.streams[0]?.destroy();
  await until(() => client.state.kind === 'connecting');
  await moveUntil(clock, () => client.state.kind === 'connected');
  const [, again] = registry.seen('GET', /watch$/);
  expect(again?.headers['last-event-id']).toBe('e1:1');
  expect(registry.seen('POST', /sessions$/)).toHaveLength(1);
  expect(lists).toHaveLength(1);
  expect(events).toEqual([]);
});
