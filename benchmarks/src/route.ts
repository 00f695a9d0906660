/**
 * What a routing decision costs as the mesh grows, and what a change of configuration costs.
 *
 * - time per decision: 10,000 hosts of 5 routes each against 10 hosts. Once with the calls going to
 *   10 of the hosts, as one process does, and once spread over all of them, where the memory of the
 *   machine is in the figure as well. The tables take turns, so that noise meets both alike.
 * - compile: 10,000 hosts with routes and DestinationRules from nothing.
 * - update: one host of them changed, and how many hosts were compiled for it.
 * - a whole call through rules against one without.
 */
import type { Resource } from '@inmesh/config';
import { createWorkload, type RouteRequest } from '@inmesh/core';
import { type CompiledRouter, compile, update } from '@inmesh/router';
import { type BenchOptions, type BenchResult, compare, median } from './harness.ts';
import { routedCall } from './routed-call.ts';

const workload = createWorkload({ service: 'bench' });
const few = 10;
const many = 10_000;
const decisionsPerRound = 200_000;

export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  const rounds = options.rounds ?? 15;
  const resources = resourcesOf(many);
  const small = compile(resourcesOf(few), { workload });
  const large = compile(resources, { workload });
  yield decisionResult('calls to 10 of them', small, large, few, rounds);
  yield decisionResult('calls to all of them', small, large, many, rounds);
  yield compileResult(resources, rounds);
  yield* updateResults(large, rounds);
  // What rules add is less than what two runs of the same call differ by: it takes more rounds to see it.
  yield routedCall(options.rounds ?? 41);
}

async function decisionResult(
  spread: string,
  small: CompiledRouter,
  large: CompiledRouter,
  called: number,
  rounds: number,
): Promise<BenchResult> {
  const base = servicesOf(few);
  const services = servicesOf(called);
  const comparison = {
    subject: () => nanosecondsPerDecision(large, services),
    baseline: () => nanosecondsPerDecision(small, base),
  };
  // Two rounds warm both up.
  await compare(comparison, 2);
  const { ratio, low, high, subject } = await compare(comparison, rounds);
  const named = common(
    `one decision with 10,000 hosts of 5 routes, ${spread}`,
    'with 10 hosts',
    'ns',
  );
  return { ...named, ratio, low, high, value: subject, unit: 'ns' };
}

function compileResult(resources: readonly Resource[], rounds: number): BenchResult {
  const times = timed(Math.min(rounds, 7), () => compile(resources, { workload }));
  return absolute('compile 10,000 hosts', times, 'ms');
}

function updateResults(router: CompiledRouter, rounds: number): BenchResult[] {
  const [changed] = resourcesOf(1);
  const apply = (): CompiledRouter => update(router, { applied: [changed as Resource] });
  const compiled = apply().compiledHosts;
  return [
    absolute('update 1 host of 10,000', timed(rounds, apply), 'ms'),
    absolute('hosts compiled by that update', [compiled], 'hosts'),
  ];
}

function timed(rounds: number, step: () => void): number[] {
  return Array.from({ length: rounds }, () => {
    const start = performance.now();
    step();
    return performance.now() - start;
  });
}

/** One request object for all, as a call's own is fresh in the cache: only what the table holds is cold. */
function nanosecondsPerDecision(router: CompiledRouter, services: readonly string[]): number {
  const request: { -readonly [K in keyof RouteRequest]: RouteRequest[K] } = {
    service: '',
    scheme: 'http',
    authority: 'bench',
    port: undefined,
    method: 'GET',
    path: '/items/42?page=2',
    headers: ['accept', '*/*', 'user-agent', 'bench', 'end-user', 'ann'],
    context: undefined,
  };
  const start = performance.now();
  let forwarded = 0;
  for (let i = 0; i < decisionsPerRound; i += 1) {
    request.service = services[i % services.length] as string;
    if (router.route(request, Math.random).kind === 'forward') forwarded += 1;
  }
  const elapsed = performance.now() - start;
  if (forwarded !== decisionsPerRound) throw new Error('every request has a route');
  return (elapsed / decisionsPerRound) * 1e6;
}

/** In an order that no cache foresees: a step that shares no factor with the number of hosts. */
function servicesOf(hosts: number): string[] {
  return Array.from({ length: hosts }, (_, i) => `service-${(i * 7_919) % hosts}.default`);
}

/** Five routes a host: by path, header, method and query; the last is a 90/10 split. */
function resourcesOf(hosts: number): Resource[] {
  return Array.from({ length: hosts }, (_, i): Resource[] => {
    const name = `service-${i}`;
    const to = (subset: string, weight = 100) => ({ destination: { host: name, subset }, weight });
    const metadata = { name, namespace: 'default' };
    return [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata,
        spec: {
          hosts: [name],
          http: [
            { match: [{ uri: { prefix: '/admin' } }], route: [to('v1')] },
            { match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [to('v2')] },
            { match: [{ method: { exact: 'DELETE' } }], route: [to('v1')], timeout: '5s' },
            { match: [{ queryParams: { debug: {} } }], route: [to('v2')] },
            { route: [to('v1', 90), to('v2', 10)], retries: { attempts: 3, retryOn: '5xx' } },
          ],
        },
      },
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata,
        spec: {
          host: name,
          trafficPolicy: { loadBalancer: { simple: 'LEAST_REQUEST' } },
          subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })),
        },
      },
    ];
  }).flat();
}

function absolute(subject: string, values: readonly number[], unit: string): BenchResult {
  const figures = { ratio: 1, low: 1, high: 1, value: median(values), unit };
  return { ...common(subject, '–', unit), ...figures };
}

function common(
  subject: string,
  baseline: string,
  metric: string,
): Pick<BenchResult, 'bench' | 'subject' | 'baseline' | 'concurrency' | 'metric'> {
  return { bench: 'route', subject, baseline, concurrency: 1, metric };
}
