/**
 * What it costs to choose an endpoint, at 10, 1,000 and 10,000 of them, as a call does it: by the
 * destination, with everybody healthy and up to three requests in flight each.
 *
 * - time per pick: each size against 10 endpoints of the same balancer. The sizes take turns, so
 *   that whatever else the machine does meets all alike.
 * - update and first pick: a list of 10,000 of which one has changed, and the first pick from it,
 *   for which the tables of the hash balancers are built.
 */
import { leastRequest, maglev, peakEwma, random, ringHash, roundRobin } from '@inmesh/client';
import { type Cluster, createCluster, resolvePolicy } from '@inmesh/client/policies';
import {
  type BalancerPolicy,
  type Destination,
  type EndpointList,
  staticEndpoint,
  systemClock,
  unknownLocality,
} from '@inmesh/core';
import type { BenchOptions, BenchResult } from './harness.ts';

const service = 'bench.default';
const sizes = [10, 1_000, 10_000] as const;
const picksPerRound = 200_000;

const balancers: readonly BalancerPolicy[] = [
  leastRequest(),
  peakEwma(),
  roundRobin(),
  random(),
  ringHash({ kind: 'call' }),
  maglev({ kind: 'call' }),
];

export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  const rounds = options.rounds ?? 15;
  const wanted = balancers.filter(
    ({ kind }) => options.only === undefined || kind === options.only,
  );
  for (const balancer of wanted) {
    yield* pickResults(balancer, rounds);
    yield updateResult(balancer, rounds);
  }
}

function pickResults(balancer: BalancerPolicy, rounds: number): BenchResult[] {
  const clusters = sizes.map((size) => openCluster(size, balancer));
  for (const cluster of clusters) nanosecondsPerPick(cluster);
  const measured = sizes.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, cluster] of clusters.entries()) measured[i]?.push(nanosecondsPerPick(cluster));
  }
  for (const cluster of clusters) cluster.close();
  const [base = []] = measured;
  return sizes.flatMap((size, i) => {
    const times = measured[i] ?? [];
    const common = {
      bench: 'pick',
      subject: `${balancer.kind}, ${size.toLocaleString('en')} endpoints`,
      concurrency: 1,
      metric: 'time per pick',
    };
    const absolute = {
      ...common,
      baseline: '-',
      value: median(times),
      unit: 'ns',
      ...spread(times),
    };
    if (i === 0) return [absolute];
    const ratios = times.map((time, round) => time / (base[round] ?? Number.NaN));
    return [absolute, { ...common, baseline: '10 endpoints', ...spread(ratios) }];
  });
}

function updateResult(balancer: BalancerPolicy, rounds: number): BenchResult {
  const cluster = openCluster(10_000, balancer);
  const target = cluster.destination(destination);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const list = listOf(10_000, round);
    const began = performance.now();
    cluster.update(list);
    target.pick(systemClock.now(), 1, undefined);
    times.push(performance.now() - began);
  }
  cluster.close();
  return {
    bench: 'pick',
    subject: `${balancer.kind}, 10,000 endpoints`,
    baseline: '-',
    concurrency: 1,
    metric: 'update and first pick',
    value: median(times),
    unit: 'ms',
    ...spread(times),
  };
}

const destination: Destination = { service, subset: '', labels: {}, port: undefined, policy: {} };

function openCluster(size: number, balancer: BalancerPolicy): Cluster {
  const cluster = createCluster(service, {
    policy: resolvePolicy({ balancer }),
    clock: systemClock,
    random: Math.random,
    locality: unknownLocality,
    onEvent: () => {},
    onRemoved: () => {},
  });
  cluster.update(listOf(size, 0));
  for (const state of cluster.endpoints.values()) {
    state.begin();
    state.end('success', 1 + Math.random(), systemClock.now());
    for (let inFlight = Math.floor(Math.random() * 4); inFlight > 0; inFlight -= 1) state.begin();
  }
  return cluster;
}

const endpoints = Array.from({ length: 10_000 }, (_, i) =>
  staticEndpoint(service, { address: `10.0.${i >> 8}.${i & 255}`, port: 8080 }),
);

/** The first `size` endpoints; the first of them is another object in every revision. */
function listOf(size: number, revision: number): EndpointList {
  const some = endpoints.slice(0, size);
  const [first] = some;
  if (first !== undefined) some[0] = { ...first, metadata: { revision: String(revision) } };
  return { service, endpoints: some, revision: String(revision), state: 'live', asOf: 0 };
}

function nanosecondsPerPick(cluster: Cluster): number {
  const target = cluster.destination(destination);
  const now = systemClock.now();
  let found = 0;
  const began = performance.now();
  for (let pick = 0; pick < picksPerRound; pick += 1) {
    if (target.pick(now, (pick * 7_919) >>> 0, undefined) !== undefined) found += 1;
  }
  const spent = performance.now() - began;
  if (found !== picksPerRound) throw new Error(`${picksPerRound - found} picks found nobody`);
  return (spent * 1e6) / picksPerRound;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** The median with its 95 % interval by order statistics: no assumption about how the times scatter. */
function spread(values: readonly number[]): { ratio: number; low: number; high: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const reach = 0.98 * Math.sqrt(sorted.length);
  const middle = (sorted.length - 1) / 2;
  const at = (rank: number) => sorted[Math.min(sorted.length - 1, Math.max(0, rank))] ?? Number.NaN;
  return {
    ratio: median(values),
    low: at(Math.floor(middle - reach)),
    high: at(Math.ceil(middle + reach)),
  };
}
