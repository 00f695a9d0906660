/**
 * How long a change of the configuration takes until clients go by it.
 *
 * One resource is applied over HTTP to a registry of its own process; the clock runs from sending the
 * request until each client (all in this process, each with a connection and a router of its own) has
 * compiled the new snapshot. They do it one after the other here, where as many processes would do it
 * side by side.
 *
 * - 100 clients with 100 hosts stored: the 99th percentile over all clients and rounds.
 * - one client with 10,000 hosts stored: the median over the rounds. More clients would measure the
 *   garbage collection of one heap that holds what belongs in many.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { splitTraffic } from '@inmesh/config';
import { type ConfigResource, createWorkload } from '@inmesh/core';
import { createRegistryClient, type RegistryClient } from '@inmesh/registry-client';
import { type CompiledRouter, compile, update } from '@inmesh/router';
import type { BenchOptions, BenchResult } from './harness.ts';

const workload = createWorkload({ service: 'bench' });
/** The registry takes 8 MiB at once. */
const batch = 2_000;

export async function* run({ rounds = 50 }: BenchOptions): AsyncGenerator<BenchResult> {
  yield changeBench({ clients: 100, hosts: 100, quantile: 0.99, rounds });
  yield changeBench({ clients: 1, hosts: 10_000, quantile: 0.5, rounds });
}

interface ChangeOptions {
  readonly clients: number;
  readonly hosts: number;
  readonly quantile: number;
  readonly rounds: number;
}

async function changeBench(options: ChangeOptions): Promise<BenchResult> {
  const { clients, hosts, quantile, rounds } = options;
  // Beside this file once it is compiled.
  const child = fork(new URL('./registry-target.js', import.meta.url), ['registry']);
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  const names = Array.from({ length: hosts }, (_, i) => `service-${i}`);
  const resources = names.flatMap((name) => routesOf(name, 10));
  for (let i = 0; i < resources.length; i += batch) {
    await apply(url, resources.slice(i, i + batch));
  }
  const followers: Follower[] = [];
  for (let i = 0; i < clients; i += 1) followers.push(await follow(url));
  const latencies: number[] = [];
  for (let round = -3; round < rounds; round += 1) {
    const [route] = routesOf(names[(round + 3) % hosts] as string, 20 + (round + 3));
    const seen = Promise.all(followers.map((follower) => follower.next()));
    const sentAt = performance.now();
    await apply(url, [route as ConfigResource]);
    const arrivals = await seen;
    // The first rounds warm both sides up.
    if (round >= 0) latencies.push(...arrivals.map((at) => at - sentAt));
  }
  await Promise.all(followers.map(({ client }) => client.close()));
  child.disconnect();
  latencies.sort((a, b) => a - b);
  const value = latencies[Math.ceil(latencies.length * quantile) - 1] as number;
  return {
    bench: 'config',
    subject: `a change, ${hosts.toLocaleString('en')} hosts, to ${clients} clients`,
    baseline: '-',
    concurrency: clients,
    metric: `p${quantile * 100} until compiled`,
    ratio: 1,
    low: 1,
    high: 1,
    value,
    unit: 'ms',
  };
}

function routesOf(service: string, weight: number): readonly ConfigResource[] {
  return splitTraffic({ service, weights: { v1: 1_000 - weight, v2: weight } });
}

async function apply(url: string, resources: readonly ConfigResource[]): Promise<void> {
  const answer = await fetch(`${url}/v1/resources`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resources }),
  });
  if (!answer.ok) throw new Error(`apply: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

interface Follower {
  readonly client: RegistryClient;
  /** When the next snapshot is in use. */
  next(): Promise<number>;
}

async function follow(url: string): Promise<Follower> {
  const client = createRegistryClient({ servers: url, followConfig: true });
  let known: readonly ConfigResource[] = [];
  let router: CompiledRouter = compile([], { workload });
  let tell: ((at: number) => void) | undefined;
  client.config.onChange(({ resources }) => {
    const before = new Set(known);
    router = update(router, { applied: resources.filter((each) => !before.has(each)) as never });
    known = resources;
    tell?.(performance.now());
  });
  await client.start();
  return {
    client,
    next: () =>
      new Promise((resolve) => {
        tell = resolve;
      }),
  };
}
