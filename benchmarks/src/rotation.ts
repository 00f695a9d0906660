/**
 * All certificates of a mesh renewed at once while calls go on: 100 services that serve mutual TLS, 10
 * clients that call them. What counts is that no request fails; the ratio is that of the slowest
 * hundredth of the calls with a rotation to that without.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Client, createClient } from '@inmesh/client';
import { createIdentity, type IdentitySource, serveMutualTls } from '@inmesh/identity';
import { createRootText, enrollerOf } from './bench-authority.ts';
import { type BenchOptions, type BenchResult, compare } from './harness.ts';

const services = 100;
const clients = 10;
const concurrency = 50;
const calls = 4_000;

export async function run(options: BenchOptions): Promise<BenchResult[]> {
  const enroller = enrollerOf(createRootText());
  const identify = async (account: string): Promise<IdentitySource> => {
    const spiffeId = `spiffe://cluster.local/ns/default/sa/${account}`;
    const identity = createIdentity({ enroller, spiffeId });
    await identity.ready();
    return identity;
  };
  const accounts = Array.from({ length: services }, (_, i) => `service-${i}`);
  const serving = await Promise.all(accounts.map(identify));
  const servers = await Promise.all(serving.map(serve));
  const endpoints = Object.fromEntries(
    servers.map((server, i) => [
      accounts[i],
      [
        {
          port: (server.address() as AddressInfo).port,
          tls: 'strict',
          serviceAccount: accounts[i] as string,
        },
      ] as const,
    ]),
  );
  const calling = await Promise.all(
    Array.from({ length: clients }, (_, i) => identify(`client-${i}`)),
  );
  // Without retries: each failure is a caller's.
  const made = calling.map((credentials) =>
    createClient({ endpoints, credentials, retry: { maxRetries: 0 } }),
  );
  let failed = 0;
  const load = async (rotate: boolean): Promise<number> => {
    const latencies: number[] = [];
    let left = calls;
    const worker = async (_: unknown, number: number): Promise<void> => {
      const client = made[number % clients] as Client;
      while (left > 0) {
        left -= 1;
        // Half way through, so that connections of before and after are both in use.
        if (rotate && left === calls / 2) {
          for (const identity of [...serving, ...calling]) identity.renew();
        }
        const start = performance.now();
        const account = accounts[left % services] as string;
        const ok = await client.request(`http://${account}/`).then(
          ({ status }) => status === 200,
          () => false,
        );
        if (!ok) failed += 1;
        latencies.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] as number;
  };
  await load(false);
  const sides = { subject: () => load(true), baseline: () => load(false) };
  const { ratio, low, high } = await compare(sides, options.rounds ?? 7);
  for (const client of made) await client.close();
  for (const identity of [...serving, ...calling]) identity.close();
  for (const server of servers) server.close();
  for (const server of servers) server.closeAllConnections();
  return [
    {
      bench: 'rotation',
      subject: `${services} services renewed at once`,
      baseline: 'no rotation',
      concurrency,
      metric: 'p99 of calls; failed',
      ratio,
      low,
      high,
      value: failed,
      unit: ' requests',
    },
  ];
}

async function serve(identity: IdentitySource): Promise<Server> {
  const server = createServer((_request, response) => response.end('ok'));
  serveMutualTls(server, { identity });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
