/**
 * What mutual TLS costs over connections that stay open.
 *
 * - Client CPU of `mesh.request` over mutual TLS against the same in plain text.
 * - Server CPU of a plain request to a PERMISSIVE port, which has looked at the connection's first
 *   byte, against one to a plain `http.Server`.
 */
import { type Client, createClient } from '@inmesh/client';
import { createWorkload, type EndpointTls } from '@inmesh/core';
import { createIdentity, type IdentitySource } from '@inmesh/identity';
import { createRecorder } from '@inmesh/metrics';
import { createRootText, enrollerOf, type RootText } from './bench-authority.ts';
import { compareCalls } from './call-cost.ts';
import { poolSide, requestSide, type Side } from './call-sides.ts';
import { type BenchOptions, type BenchResult, type Compared, compare } from './harness.ts';
import { startTlsUpstream, type TlsUpstream } from './tls-upstream.ts';

const concurrency = 50;
const calls = 10_000;

export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  const root = createRootText();
  const rounds = options.rounds ?? 21;
  yield clientResult(root, rounds);
  yield permissiveResult(root, rounds);
}

async function clientResult(root: RootText, rounds: number): Promise<BenchResult> {
  const spiffeId = 'spiffe://cluster.local/ns/default/sa/bench';
  const identity = createIdentity({ enroller: enrollerOf(root), spiffeId });
  await identity.ready();
  const secure = await startTlsUpstream(root, 'strict');
  const plain = await startTlsUpstream(root, undefined);
  const sides = {
    subject: closing(clientOf(secure.port, 'strict', identity)),
    baseline: closing(clientOf(plain.port, 'none', identity)),
  };
  const compared = await compareCalls(sides, { calls, concurrency, rounds });
  for (const upstream of [secure, plain]) upstream.stop();
  identity.close();
  return result('mesh.request over mutual TLS', 'in plain text', 'client CPU per call', compared);
}

async function permissiveResult(root: RootText, rounds: number): Promise<BenchResult> {
  const permissive = await startTlsUpstream(root, 'permissive');
  const plain = await startTlsUpstream(root, undefined);
  const [subject, baseline] = [permissive, plain].map(serverCost) as [Cost, Cost];
  const compared = await compare({ subject: subject.measure, baseline: baseline.measure }, rounds);
  for (const cost of [subject, baseline]) await cost.close();
  return result(
    'a plain request to a PERMISSIVE port',
    'http.Server',
    'server CPU per request',
    compared,
  );
}

interface Cost {
  measure(): Promise<number>;
  close(): Promise<void>;
}

/** What a request costs the upstream's process, in microseconds. */
function serverCost(upstream: TlsUpstream): Cost {
  const side = poolSide(upstream.port, '/small');
  return {
    async measure() {
      const before = await upstream.cpu();
      let left = calls;
      const worker = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await side.call();
        }
      };
      await Promise.all(Array.from({ length: concurrency }, worker));
      return ((await upstream.cpu()) - before) / calls;
    },
    async close() {
      await side.close();
      upstream.stop();
    },
  };
}

function clientOf(port: number, tls: EndpointTls, identity: IdentitySource): Client {
  const workload = createWorkload({ service: 'bench', version: 'v1' });
  return createClient({
    endpoints: { reviews: [{ port, tls, serviceAccount: 'reviews' }] },
    credentials: identity,
    workload,
    observers: [createRecorder({ workload })],
  });
}

function closing(client: Client): Side {
  return { ...requestSide(client, '/small'), close: () => client.close() };
}

function result(
  subject: string,
  baseline: string,
  metric: string,
  compared: Compared,
): BenchResult {
  const { ratio, low, high, subject: value } = compared;
  return {
    bench: 'tls',
    subject,
    baseline,
    concurrency,
    metric,
    ratio,
    low,
    high,
    value,
    unit: 'µs',
  };
}
