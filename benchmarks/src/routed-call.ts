import { defineResource } from '@inmesh/config';
import { createWorkload, fixedRouter } from '@inmesh/core';
import { compile } from '@inmesh/router';
import { compareCalls } from './call-cost.ts';
import { meshClient, type Side } from './call-sides.ts';
import { startUpstream } from './call-upstream.ts';
import type { BenchResult } from './harness.ts';

const concurrency = 50;

/** A call through a route with a header match, weights and retries, against the same call without rules. */
export async function routedCall(rounds: number): Promise<BenchResult> {
  const upstream = await startUpstream(1);
  try {
    const side = (routed: boolean): Side => {
      const client = meshClient(
        upstream.ports.slice(0, 1),
        routed ? fixedRouter(routes()) : undefined,
      );
      const options = { headers: { 'end-user': 'ann' } };
      return {
        call: () => client.request('http://reviews/small', options),
        close: () => client.close(),
      };
    };
    const sides = { subject: side(true), baseline: side(false) };
    const { ratio, low, high } = await compareCalls(sides, { calls: 10_000, concurrency, rounds });
    return {
      bench: 'route',
      subject: 'a call through header match, weights and retries',
      baseline: 'the same call without rules',
      concurrency,
      metric: 'client CPU per call',
      ratio,
      low,
      high,
    };
  } finally {
    upstream.stop();
  }
}

function routes(): ReturnType<typeof compile> {
  const metadata = { name: 'reviews' };
  const to = (weight: number, subset: string) => ({
    destination: { host: 'reviews', subset },
    weight,
  });
  return compile(
    [
      defineResource({
        kind: 'DestinationRule',
        metadata,
        spec: {
          host: 'reviews',
          // Both subsets take the one endpoint, so that what is measured is the rules alone.
          subsets: [
            { name: 'stable', labels: { version: 'v1' } },
            { name: 'canary', labels: { version: 'v1' } },
          ],
        },
      }),
      defineResource({
        kind: 'VirtualService',
        metadata,
        spec: {
          hosts: ['reviews'],
          http: [
            {
              match: [{ headers: { 'end-user': { exact: 'jason' } } }],
              route: [to(1, 'canary')],
            },
            {
              match: [{ headers: { 'end-user': { prefix: 'a' } }, uri: { prefix: '/' } }],
              route: [to(90, 'stable'), to(10, 'canary')],
              retries: { attempts: 2, retryOn: 'connect-failure,503' },
              timeout: '5s',
            },
          ],
        },
      }),
    ],
    { workload: createWorkload({ service: 'bench', version: 'v1' }) },
  );
}
