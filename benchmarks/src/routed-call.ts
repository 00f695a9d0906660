import { defineResource, type Resource } from '@inmesh/config';
import { benchMesh } from './bench-mesh.ts';
import { compareCalls } from './call-cost.ts';
import type { Side } from './call-sides.ts';
import { startUpstream } from './call-upstream.ts';
import type { BenchResult } from './harness.ts';

const concurrency = 50;

/** A call through a route with a header match, weights and retries, against the same call without rules. */
export async function routedCall(rounds: number): Promise<BenchResult> {
  const upstream = await startUpstream(1);
  try {
    const side = async (resources: Resource[]): Promise<Side> => {
      const mesh = await benchMesh(upstream.ports, { resources });
      const options = { headers: { 'end-user': 'ann' } };
      return {
        call: () => mesh.request('http://reviews/small', options),
        close: () => mesh.close(),
      };
    };
    const sides = { subject: await side(routes()), baseline: await side([]) };
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

function routes(): Resource[] {
  const metadata = { name: 'reviews' };
  const to = (weight: number, subset: string) => ({
    destination: { host: 'reviews', subset },
    weight,
  });
  return [
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
  ];
}
