import { createClient } from '@inmesh/client';
import { createWorkload, fixedTracePolicy } from '@inmesh/core';
import {
  createAdapterHost,
  createCallTap,
  createRecorder,
  registryReporter,
} from '@inmesh/metrics';
import { compareCalls } from './call-cost.ts';
import type { Side } from './call-sides.ts';
import { startUpstream } from './call-upstream.ts';
import type { BenchResult } from './harness.ts';

const concurrency = 50;
const workload = createWorkload({ service: 'bench', version: 'v1' });

/**
 * `request` with what `createMesh` puts on it to be seen: the recorder, the reports to the registry
 * (made and written as JSON every two seconds, and not sent), and the trace in W3C's headers; and a
 * tap that nobody has asked for. Against the same call without the three.
 */
export async function observedCall(subject: string, rounds: number): Promise<BenchResult[]> {
  const upstream = await startUpstream(1);
  const endpoints = { reviews: [{ port: upstream.ports[0] as number, labels: { version: 'v1' } }] };
  try {
    const sides = { subject: observedSide(endpoints), baseline: bareSide(endpoints) };
    const { ratio, low, high } = await compareCalls(sides, {
      calls: 10_000,
      concurrency,
      rounds: 2 * rounds + 1,
    });
    return [
      {
        bench: 'metrics',
        subject,
        baseline: 'the same call without the three',
        concurrency,
        metric: 'client CPU per call',
        ratio,
        low,
        high,
      },
    ];
  } finally {
    upstream.stop();
  }
}

type Endpoints = NonNullable<Parameters<typeof createClient>[0]['endpoints']>;

function observedSide(endpoints: Endpoints): Side {
  const recorder = createRecorder({ workload });
  let written = 0;
  const reporter = registryReporter({
    send: async (report) => {
      written += JSON.stringify(report).length;
      return { nextInMs: 2_000 };
    },
  });
  const host = createAdapterHost({ recorder, adapters: [reporter] });
  const tap = createCallTap({ send: async () => {} });
  const observers = [recorder, host.observer, tap.observer];
  const client = createClient({ endpoints, workload, observers });
  return {
    call: () => client.request('http://reviews/small'),
    async close() {
      await client.close();
      await host.close();
      recorder.close();
      if (written === 0)
        throw new Error('nothing was reported: the bench measured less than it says');
    },
  };
}

function bareSide(endpoints: Endpoints): Side {
  const tracing = fixedTracePolicy({ formats: [] });
  const client = createClient({ endpoints, workload, tracing });
  return { call: () => client.request('http://reviews/small'), close: () => client.close() };
}
