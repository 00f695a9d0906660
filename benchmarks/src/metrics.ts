/**
 * What recording and scraping cost.
 *
 * - record: one whole `callEnded` (three histograms and the live window, found by the call's own
 *   fields) against one `histogram.labels(…).observe()` of prom-client, with the five labels that
 *   tell such a call apart. Both count the same mix: 8 endpoints of 2 versions, 4 routes, 2 methods
 *   and 2 statuses; and once more with all calls alike.
 * - scrape: 10,000 lines of Istio's metrics, read while the event loop turns. Blocked is the CPU time
 *   of all turns, a pause that of the longest; medians over the rounds.
 * - a call: see `observed-call.ts`.
 */
import { createWorkload, type EndedCall, type Endpoint, staticEndpoint } from '@inmesh/core';
import { bucketBounds, createRecorder, prometheusText, type Recorder } from '@inmesh/metrics';
import { Histogram } from 'prom-client';
import {
  type BenchOptions,
  type BenchResult,
  bootstrapInterval,
  compare,
  median,
} from './harness.ts';
import { observedCall } from './observed-call.ts';

const recordsPerRound = 200_000;
const callsInMix = 1_024;
const lines = 10_000;
/** Lines of one series: its counter, and 20 buckets, sum and count of three histograms. */
const linesPerSeries = 67;

export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  const { rounds = 15, only = '' } = options;
  for (const [subject, measure] of Object.entries(subjects)) {
    if (subject.includes(only)) yield* await measure(subject, rounds);
  }
}

const subjects: Record<string, (subject: string, rounds: number) => Promise<BenchResult[]>> = {
  'one record, mixed': (subject, rounds) => recordBench(subject, 'mixed', rounds),
  'one record, alike': (subject, rounds) => recordBench(subject, 'alike', rounds),
  'scrape of 10,000 series': scrapeBench,
  'a call that is recorded, reported and traced': (subject, rounds) =>
    observedCall(subject, rounds),
};

async function recordBench(
  name: string,
  kind: 'mixed' | 'alike',
  rounds: number,
): Promise<BenchResult[]> {
  const recorder = openRecorder();
  const baseline = new Histogram({
    name: `calls_${kind}`,
    help: 'The same calls.',
    labelNames: ['service', 'version', 'method', 'route', 'code'],
    buckets: [...bucketBounds],
    registers: [],
  });
  const calls = Array.from({ length: callsInMix }, (_, i) => callOf(kind === 'mixed' ? i : 0, i));
  const labels = calls.map((call) => [
    call.service,
    call.endpoint?.labels.version ?? '',
    call.method,
    call.route,
    String(call.status),
  ]);
  // Two loops, not one with a callback: each is what a call site in a program looks like to the compiler.
  const subject = (): number => {
    const began = performance.now();
    for (let i = 0; i < recordsPerRound; i += 1) {
      recorder.callEnded(calls[i & (callsInMix - 1)] as EndedCall);
    }
    return performance.now() - began;
  };
  const other = (): number => {
    const began = performance.now();
    for (let i = 0; i < recordsPerRound; i += 1) {
      const call = calls[i & (callsInMix - 1)] as EndedCall;
      baseline
        .labels(...(labels[i & (callsInMix - 1)] as string[]))
        .observe(call.endedAt - call.startedAt);
    }
    return performance.now() - began;
  };
  subject();
  other();
  const { ratio, low, high } = await compare({ subject, baseline: other }, rounds);
  recorder.close();
  return [
    {
      bench: 'metrics',
      subject: name,
      baseline: 'prom-client histogram.labels(…).observe()',
      concurrency: 1,
      metric: 'time per record',
      ratio,
      low,
      high,
    },
  ];
}

async function scrapeBench(subject: string, rounds: number): Promise<BenchResult[]> {
  const recorder = openRecorder();
  for (let i = 0; i < Math.ceil(lines / linesPerSeries); i += 1) {
    const endpoint = staticEndpoint(`service-${i % 50}.default`, {
      port: 9_000,
      labels: { version: `v${Math.floor(i / 50)}` },
    });
    for (let k = 0; k < 20; k += 1) {
      recorder.callEnded({ ...callOf(0, k), service: endpoint.service, endpoint });
    }
  }
  const text = prometheusText(recorder, recorder.workload);
  await measureScrape(text.chunks());
  const blocked: number[] = [];
  const pauses: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const scrape = await measureScrape(text.chunks());
    blocked.push(scrape.blockedMs);
    pauses.push(scrape.longestMs);
  }
  recorder.close();
  return [
    { metric: 'event loop blocked', values: blocked },
    { metric: 'longest pause', values: pauses },
  ].map(({ metric, values }) => ({
    bench: 'metrics',
    subject,
    baseline: '-',
    concurrency: 1,
    metric,
    ratio: median(values),
    ...bootstrapInterval(values),
    value: median(values),
    unit: 'ms',
  }));
}

/** Reads the chunks as a socket would, and measures every turn of the event loop meanwhile. */
async function measureScrape(
  chunks: AsyncIterable<Buffer>,
): Promise<{ blockedMs: number; longestMs: number }> {
  let blockedMs = 0;
  let longestMs = 0;
  let last = cpuMs();
  let reading = true;
  const turn = (): void => {
    const now = cpuMs();
    blockedMs += now - last;
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (reading) setImmediate(turn);
  };
  setImmediate(turn);
  for await (const chunk of chunks) if (chunk.length === 0) throw new Error('empty chunk');
  reading = false;
  turn();
  return { blockedMs, longestMs };
}

/** The process' CPU time, its collector's threads included: what others take of a shared machine is no pause of ours. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function openRecorder(): Recorder {
  return createRecorder({ workload: createWorkload({ service: 'orders', version: 'v1' }) });
}

const endpoints: readonly Endpoint[] = Array.from({ length: 8 }, (_, i) =>
  staticEndpoint('reviews.default', {
    port: 9_000 + i,
    labels: { version: i < 4 ? 'v1' : 'v2' },
  }),
);

/** @param mix What tells calls apart. @param n What their numbers come from. */
function callOf(mix: number, n: number): EndedCall {
  const startedAt = 1_000.25 + n;
  return {
    service: 'reviews.default',
    subset: '',
    route: ['list', 'one', 'search', 'write'][((mix * 7) >> 2) & 3] as string,
    method: mix % 5 === 4 ? 'POST' : 'GET',
    path: '/',
    scheme: 'http',
    authority: 'reviews',
    endpoint: endpoints[mix & 7],
    status: mix % 11 === 10 ? 500 : 200,
    flag: '-',
    attempts: 1,
    startedAt,
    headAt: startedAt,
    endedAt: startedAt + (n % 97) / 3,
    requestBytes: 120,
    responseBytes: (n * 37) % 9_000,
    error: undefined,
    mutualTls: false,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    parentSpanId: '',
    sampled: true,
    header: () => undefined,
  };
}
