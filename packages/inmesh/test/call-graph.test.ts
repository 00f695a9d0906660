import type { CallGraph, ServiceReporters } from '@inmesh/core';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { join, serve, startRegistry } from './support/in-mesh.ts';

async function ask<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}

test('what services call is in the graph of their registry, with versions, and the last calls of one that closes', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  const shop = await join({ service: 'shop', version: 'v3', registry: url });
  await shop.ready('reviews');
  for (let i = 0; i < 10; i += 1) await shop.request('http://reviews/ratings/7');
  const reporting = async (): Promise<ServiceReporters['reporters']> =>
    (await ask<ServiceReporters>(`${url}/v1/services/default/shop/reporters`)).reporters;
  await eventually(async () => (await reporting()).length === 1);
  expect(await reporting()).toMatchObject([{ version: 'v3', state: { limits: [{}] } }]);
  for (let i = 0; i < 5; i += 1) await shop.request('http://reviews/ratings/7');
  await shop.close();
  const graph = (): Promise<CallGraph> => ask(`${url}/v1/graph`);
  // The window ends a few seconds ago.
  await eventually(async () => (await graph()).edges[0]?.callsPerSecond === 0.5);
  const { edges, nodes } = await graph();
  expect(edges).toMatchObject([
    {
      source: { service: 'shop.default', version: 'v3' },
      destination: { service: 'reviews.default', version: 'v1' },
      errorRatio: 0,
    },
  ]);
  expect(nodes.find(({ service }) => service === 'reviews.default')).toMatchObject({
    kind: 'service',
    endpoints: 1,
    up: 1,
  });
});

test('a mesh that is told not to report does not', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  const shop = await join({ service: 'shop', registry: url, reports: false });
  await shop.ready('reviews');
  await shop.request('http://reviews/');
  await shop.close();
  const { nodes } = await ask<CallGraph>(`${url}/v1/graph?service=shop.default`);
  expect(nodes).toEqual([]);
});
