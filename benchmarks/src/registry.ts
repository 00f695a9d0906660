/**
 * What the registry costs, against bare `node:http` doing the same exchange.
 *
 * - renewals: requests a second with 10,000 sessions, one in flight on each of 64 connections,
 *   against a server that answers every PUT with 204.
 * - change: from sending one registration of 2 KB to the moment at which the slowest 1 % of 1,000
 *   watchers have it, against the same bytes sent to a server that writes them to 1,000 open
 *   responses.
 * - memory of the server with 100,000 registrations of 1,000 sessions.
 *
 * Servers and load are processes of their own.
 */
import { once } from 'node:events';
import type { Registration } from '@inmesh/core';
import {
  absolute,
  type BenchOptions,
  type BenchResult,
  bootstrapInterval,
  compare,
  median,
} from './harness.ts';
import { openSessions, typicalRegistration } from './registry-fleet.ts';
import {
  encodeRequest,
  openSocket,
  openSockets,
  saturate,
  sendAll,
  Watch,
} from './registry-load.ts';
import { startTarget, type Target } from './registry-process.ts';

const sessions = 10_000;
const renewalLanes = 64;
const renewalMs = 500;
const watchers = 1_000;
const registrations = 100_000;
const setupLanes = 32;

const parts: Record<string, (rounds: number) => Promise<BenchResult[]>> = {
  renewal: renewalBench,
  change: changeBench,
  memory: memoryBench,
};

/** `only`: `renewal`, `change` or `memory`. */
export async function* run({ rounds = 21, only }: BenchOptions): AsyncGenerator<BenchResult> {
  for (const [name, part] of Object.entries(parts)) {
    if (only === undefined || only === name) yield* await part(rounds);
  }
}

async function renewalBench(rounds: number): Promise<BenchResult[]> {
  const registry = await startTarget('registry');
  const bare = await startTarget('bare');
  const tokens = await openSessions(registry.url, sessions);
  const side = async (
    target: Target,
  ): Promise<{ perSecond: () => Promise<number>; cpu: number[] }> => {
    const requests = tokens.map((token) =>
      encodeRequest(target.url, { method: 'PUT', path: `/v1/sessions/${token}` }),
    );
    const sockets = await openSockets(target.url, renewalLanes);
    const cpu: number[] = [];
    const perSecond = async (): Promise<number> => {
      const before = await target.report();
      const rate = await saturate(sockets, requests, renewalMs);
      const after = await target.report();
      cpu.push((after.cpuMs - before.cpuMs) / ((rate * renewalMs) / 1_000));
      return rate;
    };
    await perSecond();
    cpu.pop();
    return { perSecond, cpu };
  };
  const [subject, baseline] = [await side(registry), await side(bare)];
  const result = await compare(
    { subject: subject.perSecond, baseline: baseline.perSecond },
    rounds,
  );
  await Promise.all([registry.close(), bare.close()]);
  const common = {
    bench: 'registry',
    subject: 'renewal, 10,000 sessions',
    baseline: 'node:http answering PUT',
    concurrency: renewalLanes,
  };
  const { ratio, low, high } = result;
  const cpuRatios = subject.cpu.map((value, round) => value / (baseline.cpu[round] as number));
  return [
    { ...common, metric: 'requests/s (more is better)', ratio, low, high },
    {
      ...common,
      metric: 'server CPU per request',
      ratio: median(cpuRatios),
      ...bootstrapInterval(cpuRatios),
    },
    absolute('registry', 'renewal, 10,000 sessions', renewalLanes, result.subject, 'requests/s'),
  ];
}

async function changeBench(rounds: number): Promise<BenchResult[]> {
  const registry = await startTarget('registry');
  const bare = await startTarget('bare');
  const tokens = await openSessions(registry.url, watchers);
  const [provider] = await openSessions(registry.url, 1);
  const setup = await openSockets(registry.url, setupLanes);
  const services = ['reviews.default'];
  await sendAll(
    setup,
    tokens.map((token) =>
      encodeRequest(registry.url, {
        method: 'PUT',
        path: `/v1/sessions/${token}/subscriptions`,
        body: { services },
      }),
    ),
  );
  const subject = await openWatches(
    registry.url,
    tokens.map((token) => `/v1/sessions/${token}/watch`),
    (round) => ({
      method: 'PUT',
      path: `/v1/sessions/${provider}/registrations/r1`,
      body: registrationOf(round),
    }),
  );
  const baseline = await openWatches(
    bare.url,
    tokens.map(() => '/watch'),
    (round) => ({ method: 'PUT', path: '/change', body: registrationOf(round) }),
  );
  for (let i = 0; i < 3; i += 1) {
    await subject();
    await baseline();
  }
  const result = await compare({ subject, baseline }, rounds);
  await Promise.all([registry.close(), bare.close()]);
  const { ratio, low, high } = result;
  return [
    {
      bench: 'registry',
      subject: 'one change seen by 1,000 watchers',
      baseline: '2 KB written to 1,000 bare responses',
      concurrency: watchers,
      metric: 'p99 latency',
      ratio,
      low,
      high,
    },
    absolute('registry', 'one change seen by 1,000 watchers', watchers, result.subject, 'ms p99'),
  ];
}

async function memoryBench(): Promise<BenchResult[]> {
  const registry = await startTarget('registry');
  const tokens = await openSessions(registry.url, 1_000);
  const sockets = await openSockets(registry.url, setupLanes);
  const perSession = registrations / tokens.length;
  for (const [i, token] of tokens.entries()) {
    const requests = Array.from({ length: perSession }, (_, j) =>
      encodeRequest(registry.url, {
        method: 'PUT',
        path: `/v1/sessions/${token}/registrations/s${j}-${i}`,
        body: typicalRegistration(`service-${j}`, i),
      }),
    );
    await sendAll(sockets, requests);
  }
  const { rssBytes } = await registry.report();
  await registry.close();
  return [absolute('registry', '100,000 registrations', 1, rssBytes / 2 ** 20, 'MiB RSS')];
}

/** Opens a stream each, and gives a measurement: sends one change, and waits until 99 % of them have it. */
async function openWatches(
  url: URL,
  paths: readonly string[],
  change: (round: number) => { method: string; path: string; body: unknown },
): Promise<() => Promise<number>> {
  const watches: Watch[] = [];
  for (const path of paths) {
    const socket = await openSocket(url);
    socket.write(encodeRequest(url, { method: 'GET', path }));
    await once(socket, 'data');
    watches.push(new Watch(socket));
  }
  const sender = await openSockets(url, 1);
  let round = 0;
  return async () => {
    round += 1;
    const request = encodeRequest(url, change(round));
    const arrivals = watches.map((watch) => watch.next());
    const began = performance.now();
    const [times] = await Promise.all([Promise.all(arrivals), sendAll(sender, [request])]);
    times.sort((a, b) => a - b);
    return (times[Math.ceil(0.99 * times.length) - 1] as number) - began;
  };
}

/** 2 KB as JSON, and another one each round. */
function registrationOf(round: number): Registration {
  const metadata = { round: String(round), padding: 'x'.repeat(900), more: 'y'.repeat(800) };
  return { ...typicalRegistration('reviews', round), metadata };
}
