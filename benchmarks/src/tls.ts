/**
 * What mutual TLS costs over connections that stay open.
 *
 * - Client CPU of `mesh.request` over mutual TLS against the same in plain text, beside what bare undici pays for it.
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
import { startTlsUpstream, type TlsUpstream, upstreamId } from './tls-upstream.ts';

const concurrency = 50;
/** Short turns, and many of them: what the machine does besides falls on both sides. */
const calls = 2_000;

export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  const root = createRootText();
  const rounds = options.rounds ?? 101;
  yield* clientResults(root, rounds);
  yield permissiveResult(root, rounds);
}

/** The second row is what Node's own TLS sockets cost whoever uses them, the third what is ours of the first. */
async function* clientResults(root: RootText, rounds: number): AsyncGenerator<BenchResult> {
  const spiffeId = 'spiffe://cluster.local/ns/default/sa/bench';
  const identity = createIdentity({ enroller: enrollerOf(root), spiffeId });
  await identity.ready();
  const secure = await startTlsUpstream(root, 'strict');
  const plain = await startTlsUpstream(root, undefined);
  const meshOverTls = (): Side => closing(clientOf(secure.port, 'strict', identity));
  const meshInPlain = (): Side => closing(clientOf(plain.port, 'none', identity));
  const poolOverTls = (): Side =>
    poolSide(secure.port, '/small', identity.connectOptions([upstreamId]));
  const poolInPlain = (): Side => poolSide(plain.port, '/small');
  const [mesh, pool] = ['mesh.request over mutual TLS', "undici's Pool over mutual TLS"];
  const pairs: readonly [string, string, () => Side, () => Side][] = [
    [mesh, 'in plain text', meshOverTls, meshInPlain],
    [pool, 'in plain text', poolOverTls, poolInPlain],
    [mesh, pool, meshOverTls, poolOverTls],
  ];
  for (const [name, other, subject, baseline] of pairs) {
    const sides = { subject: subject(), baseline: baseline() };
    const compared = await compareCalls(sides, { calls, concurrency, rounds });
    yield result(name, other, 'client CPU per call', compared);
  }
  for (const upstream of [secure, plain]) upstream.stop();
  identity.close();
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
