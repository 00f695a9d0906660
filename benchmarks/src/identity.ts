/**
 * Certificates and renewals at the registry: how many certificates a second it signs for who renews
 * them over mutual TLS, and what that does to the renewals of sessions, on which leases hang.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { registryIdentity, type SessionOpened } from '@inmesh/core';
import { createCsr, createIdentity, generateKey, type IdentitySource } from '@inmesh/identity';
import { createRegistryEnroller } from '@inmesh/registry-client';
import { Pool } from 'undici';
import { type BenchOptions, type BenchResult, compare } from './harness.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/bench';
/** Of sessions, evenly spaced: what 1,000 processes send. */
const renewalsPerSecond = 200;
const roundMs = 2_000;
/** Requests for certificates in flight. */
const concurrency = 8;

export async function run(options: BenchOptions): Promise<BenchResult[]> {
  const target = fork(new URL('./identity-target.js', import.meta.url), { stdio: 'inherit' });
  try {
    return await measure(target, options);
  } finally {
    target.disconnect();
  }
}

async function measure(target: ChildProcess, options: BenchOptions): Promise<BenchResult[]> {
  const [{ url, token }] = (await once(target, 'message')) as [{ url: string; token: string }];
  const enroller = createRegistryEnroller({ servers: url, joinToken: token });
  const identity = createIdentity({ enroller, spiffeId });
  await identity.ready();
  const [renewing, asking] = [connect(url, identity, 4), connect(url, identity, concurrency)];
  const opened = await send(renewing, 'POST', '/v1/sessions', { client: 'bench' });
  const { session } = opened as SessionOpened;
  // Keys are the clients' business.
  const csr = createCsr(generateKey(), spiffeId);
  const rates: number[] = [];

  const renewals = async (): Promise<number> => {
    const latencies: Promise<number>[] = [];
    const startedAt = performance.now();
    for (let sent = 0; sent < (renewalsPerSecond * roundMs) / 1_000; sent += 1) {
      const dueAt = startedAt + (sent * 1_000) / renewalsPerSecond;
      await new Promise((resolve) => setTimeout(resolve, dueAt - performance.now()));
      latencies.push(timed(() => send(renewing, 'PUT', `/v1/sessions/${session}`)));
    }
    const sorted = (await Promise.all(latencies)).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] as number;
  };
  const renewalsMeanwhile = async (): Promise<number> => {
    let issued = 0;
    let over = false;
    const startedAt = performance.now();
    const ask = async (): Promise<void> => {
      while (!over) {
        await send(asking, 'POST', '/v1/certificates', { csr });
        issued += 1;
      }
    };
    const asked = Promise.all(Array.from({ length: concurrency }, ask));
    const p99 = await renewals();
    rates.push((issued * 1_000) / (performance.now() - startedAt));
    over = true;
    await asked;
    return p99;
  };

  await renewalsMeanwhile();
  rates.length = 0;
  const sides = { subject: renewalsMeanwhile, baseline: renewals };
  const { ratio, low, high } = await compare(sides, options.rounds ?? 7);
  await Promise.all([renewing.close(), asking.close()]);
  identity.close();
  const value = rates.sort((a, b) => a - b)[rates.length >> 1] as number;
  return [
    {
      bench: 'identity',
      subject: 'renewals while certificates are signed',
      baseline: 'renewals alone',
      concurrency,
      metric: 'p99 of renewals; signed',
      ratio,
      low,
      high,
      value,
      unit: 'certificates/s',
    },
  ];
}

function connect(url: string, identity: IdentitySource, connections: number): Pool {
  const tls = identity.connectOptions([registryIdentity('cluster.local')]);
  return new Pool(url, { connections, connect: tls as object });
}

async function send(pool: Pool, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await pool.request({
    method: method as 'POST',
    path,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
