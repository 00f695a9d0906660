/**
 * Certificates at the registry: how many a second it signs for who renews them over mutual TLS, and
 * what 150 a second of them do to the renewals of sessions, on which leases hang. Handshakes are no
 * part of issuing, and cost more: what 100 processes a second that come with a connection each do to
 * renewals is held against as many that come and ask for no certificate.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { registryIdentity, type SessionOpened } from '@inmesh/core';
import { createIdentity } from '@inmesh/identity';
import { createRegistryEnroller } from '@inmesh/registry-client';
import { Pool } from 'undici';
import {
  absolute,
  type BenchOptions,
  type BenchResult,
  type Compared,
  comparedOf,
  median,
} from './harness.ts';
import {
  type Address,
  type Asking,
  concurrency,
  spiffeId,
  startAskers,
} from './identity-askers.ts';
import { begin, evenly } from './pace.ts';

/** Of sessions, evenly spaced: what 1,000 processes send. */
const renewalsPerSecond = 200;
/** Certificates asked for meanwhile: a mesh of six million processes that renews twice a day. */
const certificatesPerSecond = 150;
/** Processes that come anew: 100,000 of them within 17 minutes. */
const joinsPerSecond = 100;
/** Sides change so often that what the machine does besides falls on both. */
const sliceMs = 500;
/** Of each side, in a round: 400 renewals, of which the slowest four are beyond the figure. */
const slices = 4;
const warmUpMs = 3_000;

export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  const target = fork(new URL('./identity-target.js', import.meta.url), { stdio: 'inherit' });
  try {
    yield* measure(target, options);
  } finally {
    target.disconnect();
  }
}

async function* measure(
  target: ChildProcess,
  { rounds = 11, only = '' }: BenchOptions,
): AsyncGenerator<BenchResult> {
  const [address] = (await once(target, 'message')) as [Address];
  const { url, token } = address;
  const askers = await startAskers(address);
  const enroller = createRegistryEnroller({ servers: url, joinToken: token });
  const identity = createIdentity({ enroller, spiffeId });
  await identity.ready();
  const tls = identity.connectOptions([registryIdentity('cluster.local')]);
  const pool = new Pool(url, { connections: 4, connect: tls as object });
  const { session } = (await send(pool, 'POST', '/v1/sessions', { client: 'b' })) as SessionOpened;

  const renew = async (): Promise<number> => {
    const startedAt = performance.now();
    await send(pool, 'PUT', `/v1/sessions/${session}`);
    return performance.now() - startedAt;
  };
  const alone: Renewals = () => begin(renew, renewalsPerSecond, evenly, sliceMs);
  const meanwhile =
    (asking: Asking, perSecond: number): Renewals =>
    async () => {
      const asked = askers.ask({ asking, perSecond, durationMs: sliceMs });
      const latencies = await alone();
      await asked;
      return latencies;
    };
  const whileSigned = meanwhile('certificate', certificatesPerSecond);
  const whileLookedUp = meanwhile('look-up', certificatesPerSecond);
  const whileJoined = meanwhile('join', joinsPerSecond);
  const whileVisited = meanwhile('visit', joinsPerSecond);

  // Once through without counting: the engine compiles what is measured.
  for (const asking of ['certificate', 'look-up', 'join', 'visit'] as const) {
    await askers.ask({ asking, durationMs: warmUpMs });
  }
  await begin(renew, 5 * renewalsPerSecond, evenly, warmUpMs);

  const signing = `renewals, ${certificatesPerSecond} certificates/s meanwhile`;
  const joining = `renewals, ${joinsPerSecond} processes/s come for a certificate`;
  const pairs: readonly [string, string, Renewals, Renewals][] = [
    [signing, 'renewals alone', whileSigned, alone],
    [signing, 'as many look-ups meanwhile', whileSigned, whileLookedUp],
    [joining, 'they come for none', whileJoined, whileVisited],
  ];
  const signed = 'certificates signed';
  if (signed.includes(only)) {
    const rates: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      rates.push(await askers.ask({ asking: 'certificate', durationMs: 2 * sliceMs }));
    }
    yield absolute('identity', signed, concurrency, median(rates), '/s');
  }
  for (const [subject, baseline, ...sides] of pairs.filter(([name]) => name.includes(only))) {
    const { subject: value, ratio, low, high } = await compareTails(...sides, rounds);
    const common = { bench: 'identity', concurrency: 0, metric: 'p99', unit: 'ms' };
    yield { ...common, subject, baseline, ratio, low, high, value };
  }
  askers.stop();
  await pool.close();
  identity.close();
}

/** Renews for one slice, and gives how long each took, in milliseconds. */
type Renewals = () => Promise<number[]>;

/** The slowest hundredth of one side against that of the other. */
async function compareTails(
  subject: Renewals,
  baseline: Renewals,
  rounds: number,
): Promise<Compared> {
  const tails: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const latencies: [number[], number[]] = [[], []];
    for (let slice = 0; slice < slices; slice += 1) {
      latencies[0].push(...(await subject()));
      latencies[1].push(...(await baseline()));
    }
    for (const [side, its] of latencies.entries()) tails[side]?.push(p99(its));
  }
  return comparedOf(...tails);
}

function p99(latencies: number[]): number {
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] as number;
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
