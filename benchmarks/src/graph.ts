/**
 * What the call graph costs the registry: 1,000 services report, each as often as the registry asks
 * for, ten edges with ten calls a second on each; with and without a reader of the live graph. The
 * value is the server's CPU time over the wall time, of one core.
 */
import { setTimeout as wait } from 'node:timers/promises';
import {
  type EdgeReport,
  latencyBucket,
  type Report,
  type ReportAccepted,
  type SessionOpened,
} from '@inmesh/core';
import { type BenchOptions, type BenchResult, bootstrapInterval, median } from './harness.ts';
import { encodeRequest, openSocket, openSockets, sendAll } from './registry-load.ts';
import { startTarget, type Target } from './registry-process.ts';

const services = 1_000;
const edges = 10;
const lanes = 16;
/** Reports go out in so many groups over an interval. */
const groups = 50;
/** Of the reporters' clocks, which count from anywhere. */
const firstSecond = 100;

export async function* run({ rounds = 3, only }: BenchOptions): AsyncGenerator<BenchResult> {
  for (const [subject, isWatched] of [
    ['1,000 services reporting 10 edges each', false],
    ['the same with the live graph read', true],
  ] as const) {
    if (only !== undefined && !subject.includes(only)) continue;
    const shares = await measure(isWatched, rounds);
    yield {
      bench: 'graph',
      subject,
      baseline: '-',
      concurrency: services,
      metric: 'registry CPU of one core',
      ratio: median(shares),
      ...bootstrapInterval(shares),
      value: 100 * median(shares),
      unit: '%',
    };
  }
}

/** The share of one core that the registry took, per interval. */
async function measure(isWatched: boolean, rounds: number): Promise<number[]> {
  const registry = await startTarget('registry');
  const sockets = await openSockets(registry.url, lanes);
  const opened = await sendAll(
    sockets,
    Array.from({ length: services }, (_, i) =>
      encodeRequest(registry.url, {
        method: 'POST',
        path: '/v1/sessions',
        body: { client: `bench/${i}`, service: serviceOf(i) },
      }),
    ),
  );
  const tokens = (opened as SessionOpened[]).map(({ session }) => session);
  const send = (second: number, seconds: number, from = 0, to = services): Promise<unknown[]> =>
    sendAll(
      sockets,
      tokens.slice(from, to).map((token, i) =>
        encodeRequest(registry.url, {
          method: 'POST',
          path: `/v1/sessions/${token}/reports`,
          body: reportOf(from + i, second, seconds),
        }),
      ),
    );
  // The first reports make the edges and warm the code up; the answer to the last counts all reporters.
  const accepted = (await send(firstSecond, 1)) as ReportAccepted[];
  const intervalSeconds = Math.max(...accepted.map(({ nextInMs }) => nextInMs)) / 1_000;
  const stream = isWatched ? await openSocket(registry.url) : undefined;
  stream?.resume();
  stream?.write(encodeRequest(registry.url, { method: 'GET', path: '/v1/graph/stream' }));
  const shares: number[] = [];
  for (let round = 1; round <= rounds + 1; round += 1) {
    // The first interval begins right after the warm-up: no time has passed for more.
    const second = firstSecond + (round - 1) * intervalSeconds;
    const share = await oneInterval(registry, intervalSeconds, (from, to) =>
      send(second, intervalSeconds, from, to),
    );
    if (round > 1) shares.push(share);
  }
  stream?.destroy();
  for (const socket of sockets) socket.destroy();
  await registry.close();
  return shares;
}

/** Every service reports once, spread over the interval. */
async function oneInterval(
  registry: Target,
  intervalSeconds: number,
  send: (from: number, to: number) => Promise<unknown[]>,
): Promise<number> {
  const before = await registry.report();
  const began = performance.now();
  const size = services / groups;
  for (let group = 0; group < groups; group += 1) {
    await send(group * size, (group + 1) * size);
    const next = began + ((group + 1) * intervalSeconds * 1_000) / groups;
    await wait(Math.max(0, next - performance.now()));
  }
  const elapsedMs = performance.now() - began;
  const after = await registry.report();
  return (after.cpuMs - before.cpuMs) / elapsedMs;
}

function serviceOf(i: number): string {
  return `service-${i % services}.default`;
}

function reportOf(i: number, second: number, seconds: number): Report {
  return {
    service: serviceOf(i),
    version: 'v1',
    second,
    edges: Array.from({ length: edges }, (_, j) => edgeTo(i + j + 1, seconds)),
    state: { breakers: [], ejections: [], limits: [], certificate: null },
  };
}

/** Ten calls in each second, of five latencies. */
function edgeTo(i: number, seconds: number): EdgeReport {
  const latencies = [5, 7, 9, 12, 30].flatMap((ms) => [latencyBucket(ms), 2]);
  return {
    seenBy: 'source',
    peer: serviceOf(i),
    peerVersion: 'v1',
    mutualTls: 0,
    seconds: Array.from({ length: seconds }, (_, j) => ({
      ago: seconds - 1 - j,
      calls: 10,
      errors: j === 0 ? 1 : 0,
      latencies,
    })),
  };
}
