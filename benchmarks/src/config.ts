/**
 * How long a change of the configuration takes until clients go by it.
 *
 * One resource is applied over HTTP to a registry of its own process; the clock runs from sending the
 * request until each of 100 clients (registry clients, all in this process, each with a connection
 * of its own) has the new snapshot. The figure is the 99th percentile over all clients and rounds.
 *
 * - with 100 hosts stored, each client also compiles the change into its router, as a mesh does;
 *   one after the other here, where a hundred processes would do it side by side.
 * - with 10,000 hosts stored, the snapshot alone, since a hundred such routers do not fit one process.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { splitTraffic } from '@inmesh/config';
import { type ConfigResource, createWorkload } from '@inmesh/core';
import { createRegistryClient, type RegistryClient } from '@inmesh/registry-client';
import { type CompiledRouter, compile, update } from '@inmesh/router';
import type { BenchOptions, BenchResult } from './harness.ts';

const clients = 100;
const workload = createWorkload({ service: 'bench' });
/** The registry takes 8 MiB at once. */
const batch = 2_000;

export async function run({ rounds = 50 }: BenchOptions): Promise<BenchResult[]> {
  return [
    await changeBench({ hosts: 100, rounds, compiled: true }),
    await changeBench({ hosts: 10_000, rounds, compiled: false }),
  ];
}

interface ChangeOptions {
  readonly hosts: number;
  readonly rounds: number;
  readonly compiled: boolean;
}

async function changeBench({ hosts, rounds, compiled }: ChangeOptions): Promise<BenchResult> {
  // Beside this file once it is compiled.
  const child = fork(new URL('./registry-target.js', import.meta.url), ['registry']);
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  const names = Array.from({ length: hosts }, (_, i) => `service-${i}`);
  const resources = names.flatMap((name) => routesOf(name, 10));
  for (let i = 0; i < resources.length; i += batch) {
    await apply(url, resources.slice(i, i + batch));
  }
  const followers: Follower[] = [];
  for (let i = 0; i < clients; i += 1) followers.push(await follow(url, compiled));
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
  const p99 = latencies[Math.ceil(latencies.length * 0.99) - 1] as number;
  return {
    bench: 'config',
    subject: `a change reaches 100 clients, ${hosts.toLocaleString('en')} hosts${compiled ? ', compiled' : ''}`,
    baseline: '-',
    concurrency: clients,
    metric: 'p99 latency',
    ratio: 1,
    low: 1,
    high: 1,
    value: p99,
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

async function follow(url: string, compiled: boolean): Promise<Follower> {
  const client = createRegistryClient({ servers: url, followConfig: true });
  let known: readonly ConfigResource[] = [];
  let router: CompiledRouter = compile([], { workload });
  let tell: ((at: number) => void) | undefined;
  client.config.onChange(({ resources }) => {
    if (compiled) {
      const before = new Set(known);
      router = update(router, { applied: resources.filter((each) => !before.has(each)) as never });
      known = resources;
    }
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
