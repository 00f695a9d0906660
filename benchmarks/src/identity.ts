/**
 * Certificates at the registry: how many a second it signs for who renews them over mutual TLS, and
 * what 150 a second of them do to the renewals of sessions, on which leases hang. Handshakes are no
 * part of issuing, and cost more: what 100 processes a second that come with a connection each do to
 * renewals is held against as many that come and ask for no certificate.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { registryIdentity, type SessionOpened } from '@inmesh/core';
import { createCsr, createIdentity, generateKey, type IdentitySource } from '@inmesh/identity';
import { createRegistryEnroller } from '@inmesh/registry-client';
import { Pool } from 'undici';
import { type BenchOptions, type BenchResult, type Compared, compare, median } from './harness.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/bench';
/** Of sessions, evenly spaced: what 1,000 processes send. */
const renewalsPerSecond = 200;
const roundMs = 2_000;
/** Certificates asked for meanwhile: a mesh of six million processes that renews twice a day. */
const certificatesPerSecond = 150;
/** Processes that come anew: 100,000 of them within 17 minutes. */
const joinsPerSecond = 100;
/** Requests for certificates in flight where it is measured how many there can be. */
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
  const ask = (): Promise<unknown> => send(asking, 'POST', '/v1/certificates', { csr });

  const renewals = async (): Promise<number> => {
    const latencies = await evenly(renewalsPerSecond, () =>
      timed(() => send(renewing, 'PUT', `/v1/sessions/${session}`)),
    );
    return latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] as number;
  };
  const renewalsMeanwhile = async (
    perSecond: number,
    work: () => Promise<unknown>,
  ): Promise<number> => {
    const done = evenly(perSecond, work);
    const p99 = await renewals();
    await done;
    return p99;
  };
  const come = async (method: string, path: string, body?: unknown): Promise<void> => {
    const own = connect(url, identity, 1);
    await send(own, method, path, body);
    await own.close();
  };
  const signed = async (): Promise<number> => {
    let count = 0;
    const startedAt = performance.now();
    const worker = async (): Promise<void> => {
      for (; performance.now() - startedAt < roundMs; count += 1) await ask();
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return (count * 1_000) / (performance.now() - startedAt);
  };

  const rounds = options.rounds ?? 7;
  const rates: number[] = [await signed()];
  for (let round = 1; round < rounds; round += 1) rates.push(await signed());
  const whileAsked = (): Promise<number> => renewalsMeanwhile(certificatesPerSecond, ask);
  const lookUp = (): Promise<unknown> => send(asking, 'GET', '/v1/trust-bundle');
  const whileLookedUp = (): Promise<number> => renewalsMeanwhile(certificatesPerSecond, lookUp);
  const loaded = await compare({ subject: whileAsked, baseline: renewals }, rounds);
  const issuing = await compare({ subject: whileAsked, baseline: whileLookedUp }, rounds);
  const joining = await compare(
    {
      subject: () =>
        renewalsMeanwhile(joinsPerSecond, () => come('POST', '/v1/certificates', { csr })),
      baseline: () => renewalsMeanwhile(joinsPerSecond, () => come('GET', '/v1/trust-bundle')),
    },
    rounds,
  );
  await Promise.all([renewing.close(), asking.close()]);
  identity.close();
  const common = { bench: 'identity', concurrency: 0, metric: 'p99', unit: 'ms' } as const;
  return [
    {
      bench: 'identity',
      subject: 'certificates signed',
      baseline: '–',
      concurrency,
      metric: 'rate',
      ratio: 1,
      low: 1,
      high: 1,
      value: median(rates),
      unit: '/s',
    },
    {
      ...common,
      subject: `renewals, ${certificatesPerSecond} certificates/s meanwhile`,
      baseline: 'renewals alone',
      ...rowOf(loaded),
    },
    {
      ...common,
      subject: `renewals, ${certificatesPerSecond} certificates/s meanwhile`,
      baseline: 'as many look-ups meanwhile',
      ...rowOf(issuing),
    },
    {
      ...common,
      subject: `renewals, ${joinsPerSecond} processes/s come for a certificate`,
      baseline: 'they come for none',
      ...rowOf(joining),
    },
  ];
}

function rowOf({
  ratio,
  low,
  high,
  subject,
}: Compared): Pick<BenchResult, 'ratio' | 'low' | 'high' | 'value'> {
  return { ratio, low, high, value: subject };
}

/** Begins `work` so often a second for one round, whatever became of the last one. */
async function evenly<T>(perSecond: number, work: () => Promise<T>): Promise<T[]> {
  const results: Promise<T>[] = [];
  const startedAt = performance.now();
  for (let sent = 0; sent < (perSecond * roundMs) / 1_000; sent += 1) {
    const dueAt = startedAt + (sent * 1_000) / perSecond;
    await new Promise((resolve) => setTimeout(resolve, dueAt - performance.now()));
    results.push(work());
  }
  return await Promise.all(results);
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
