/**
 * What a routing decision costs as the mesh grows, and what a change of configuration costs.
 *
 * - time per decision: 10,000 hosts of 5 routes each against 10 hosts. Once with the calls going to
 *   10 of the hosts, as one process does, and once spread over all of them, where the memory of the
 *   machine is in the figure as well. The tables take turns, so that noise meets both alike.
 * - compile: 10,000 hosts with routes and DestinationRules from nothing.
 * - update: one host of them changed, and how many hosts were compiled for it.
 */
import type { Resource } from '@inmesh/config';
import { createWorkload, type RouteRequest } from '@inmesh/core';
import { type CompiledRouter, compile, update } from '@inmesh/router';
import type { BenchResult } from './harness.ts';

const workload = createWorkload({ service: 'bench' });
const few = 10;
const many = 10_000;
const decisionsPerRound = 200_000;

export async function run(options: { json: boolean; rounds?: number }): Promise<BenchResult[]> {
  const rounds = options.rounds ?? 15;
  const resources = resourcesOf(many);
  const small = compile(resourcesOf(few), { workload });
  const large = compile(resources, { workload });
  return [
    decisionResult('calls to 10 of them', small, large, few, rounds),
    decisionResult('calls to all of them', small, large, many, rounds),
    compileResult(resources, rounds),
    ...updateResults(large, rounds),
  ];
}

function decisionResult(
  spread: string,
  small: CompiledRouter,
  large: CompiledRouter,
  called: number,
  rounds: number,
): BenchResult {
  const fewRequests = requestsTo(few);
  const spreadRequests = requestsTo(called);
  const ratios: number[] = [];
  const times: number[] = [];
  for (let round = -2; round < rounds; round += 1) {
    const base = nanosecondsPerDecision(small, fewRequests);
    const time = nanosecondsPerDecision(large, spreadRequests);
    // Two rounds warm both up.
    if (round < 0) continue;
    ratios.push(time / base);
    times.push(time);
  }
  return {
    ...common(`one decision with 10,000 hosts of 5 routes, ${spread}`, 'with 10 hosts', 'ns'),
    ...spreadOf(ratios),
    value: median(times),
    unit: 'ns',
  };
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

function nanosecondsPerDecision(router: CompiledRouter, requests: readonly RouteRequest[]): number {
  const start = performance.now();
  let forwarded = 0;
  for (let i = 0; i < decisionsPerRound; i += 1) {
    const request = requests[i % requests.length] as RouteRequest;
    if (router.route(request, Math.random).kind === 'forward') forwarded += 1;
  }
  const elapsed = performance.now() - start;
  if (forwarded !== decisionsPerRound) throw new Error('every request has a route');
  return (elapsed / decisionsPerRound) * 1e6;
}

/** In an order that no cache foresees: a step that shares no factor with the number of hosts. */
function requestsTo(hosts: number): RouteRequest[] {
  return Array.from({ length: hosts }, (_, i) => {
    const name = `service-${(i * 7_919) % hosts}`;
    return {
      service: `${name}.default`,
      scheme: 'http',
      authority: name,
      port: undefined,
      method: 'GET',
      path: '/items/42?page=2',
      headers: ['accept', '*/*', 'user-agent', 'bench', 'end-user', 'ann'],
      context: undefined,
    };
  });
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

/** The median with the quartiles around it. */
function spreadOf(ratios: readonly number[]): Pick<BenchResult, 'ratio' | 'low' | 'high'> {
  const sorted = [...ratios].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] as number;
  return { ratio: at(0.5), low: at(0.25), high: at(0.75) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
