/**
 * What it costs to know who is asking and whether it may.
 *
 * - auth: one request with a token that was verified before, through the whole authentication step,
 *   against `jsonwebtoken.verify` of the same RS256 token with a KeyObject.
 * - authz: one decision under 1,000 policies against 10, each with its own path and its own caller;
 *   and under 1,000 that share their path and differ by a role in the token. Once more with
 *   2,000 different requests on either side, to all of the policies there are: in the rows before
 *   it 20 requests take turns, which the processor keeps at hand.
 */
import { generateKeyPairSync } from 'node:crypto';
import { Socket } from 'node:net';
import {
  compilePolicies,
  createAuthentication,
  describedRequest,
  type PolicySet,
  type RequestAttributes,
} from '@inmesh/auth';
import { type AuthorizationPolicy, defineResource } from '@inmesh/config';
import { createWorkload } from '@inmesh/core';
import type { InboundRequest } from '@inmesh/inbound';
import jsonwebtoken from 'jsonwebtoken';
import { type BenchOptions, type BenchResult, type Compared, compare } from './harness.ts';

const issuer = 'https://issuer.example.com';
const audience = 'shop';
const verifications = 2_000;
const decisions = 100_000;

export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  const rounds = options.rounds ?? 15;
  yield tokenResult(rounds);
  yield policyResult('1,000 policies by path and caller', byPath, 20, rounds);
  yield policyResult('1,000 policies by role in a claim', byRole, 20, rounds);
  yield policyResult('the same by path, 2,000 different requests', byPath, 2_000, rounds);
}

async function tokenResult(rounds: number): Promise<BenchResult> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const token = jsonwebtoken.sign(
    { sub: 'ada', roles: ['editor'], email: 'ada@example.com' },
    privateKey,
    {
      algorithm: 'RS256',
      keyid: 'k',
      issuer,
      audience,
      expiresIn: '1h',
    },
  );
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] };
  const { pipeline, step } = createAuthentication({
    issuers: [{ issuer, audiences: [audience], jwks }],
  });
  const socket = new Socket();
  const authorization = `Bearer ${token}`;
  const requestNow = (): InboundRequest => ({
    method: 'GET',
    url: '/',
    headers: { authorization },
    rawHeaders: ['host', 'shop', 'accept', '*/*', 'authorization', authorization],
    socket,
  });
  // Opening an exchange is the pipeline's work, with or without tokens.
  const exchange = pipeline.begin(requestNow());
  const subject = (): void => {
    if (step.run(requestNow(), exchange) !== undefined) throw new Error('the token must pass');
  };
  const baseline = (): void => {
    jsonwebtoken.verify(token, publicKey, { algorithms: ['RS256'], issuer, audience });
  };
  const compared = await compare(
    {
      subject: () => microseconds(subject, verifications),
      baseline: () => microseconds(baseline, verifications),
    },
    rounds,
  );
  pipeline.close();
  return result(
    'auth',
    'verified token, cache hit, the whole step',
    'jsonwebtoken.verify RS256',
    compared,
  );
}

type MakePolicy = (index: number) => AuthorizationPolicy;

async function policyResult(
  subject: string,
  make: MakePolicy,
  different: number,
  rounds: number,
): Promise<BenchResult> {
  const workload = createWorkload({ service: 'bench' });
  const setOf = (size: number): PolicySet =>
    compilePolicies(
      Array.from({ length: size }, (_, i) => make(i)),
      { workload },
    );
  const few = setOf(10);
  const many = setOf(1_000);
  const compared = await compare(
    {
      subject: () => decide(many, requests(1_000, different)),
      baseline: () => decide(few, requests(10, different)),
    },
    rounds,
  );
  return result('authz', subject, '10 policies', compared);
}

/** Microseconds per decision; half of the requests are allowed. */
function decide(set: PolicySet, asked: readonly RequestAttributes[]): number {
  let allowed = 0;
  let next = 0;
  const time = microseconds(() => {
    if (set.decide(asked[next] as RequestAttributes).allowed) allowed += 1;
    next = (next + 1) % asked.length;
  }, decisions);
  if (allowed === 0 || allowed === decisions) throw new Error('half of the requests are allowed');
  return time;
}

/**
 * In turn one that policy `i` allows and one that none does, in an order that no cache foresees. No
 * two have the same path.
 */
function requests(policies: number, different: number): RequestAttributes[] {
  return Array.from({ length: different }, (_, n) => {
    const i = ((n >> 1) * 7_919) % policies;
    const granted = n % 2 === 0;
    const account = `caller-${granted ? i : 'x'}`;
    return describedRequest({
      method: 'GET',
      path: `/api/v1/items-${i}/${n}`,
      peer: {
        spiffeId: `spiffe://cluster.local/ns/default/sa/${account}`,
        trustDomain: 'cluster.local',
        namespace: 'default',
        serviceAccount: account,
      },
      claims: { iss: issuer, sub: 'ada', roles: ['user', granted ? `role-${i}` : 'none'] },
    });
  });
}

function byPath(i: number): AuthorizationPolicy {
  return policy(i, {
    from: [{ source: { principals: [`cluster.local/ns/default/sa/caller-${i}`] } }],
    to: [{ operation: { methods: ['GET', 'HEAD'], paths: [`/api/v1/items-${i}/*`] } }],
  });
}

function byRole(i: number): AuthorizationPolicy {
  return policy(i, {
    to: [{ operation: { paths: ['/api/v1/*'] } }],
    when: [{ key: 'request.auth.claims[roles]', values: [`role-${i}`] }],
  });
}

function policy(i: number, rule: object): AuthorizationPolicy {
  return defineResource({
    kind: 'AuthorizationPolicy',
    metadata: { name: `policy-${i}` },
    spec: { rules: [rule] },
  });
}

function microseconds(step: () => void, times: number): number {
  const start = performance.now();
  for (let i = 0; i < times; i += 1) step();
  return ((performance.now() - start) * 1_000) / times;
}

/** Two lines of one comparison would say the same: the ratio, with the subject's own time in its name. */
function result(bench: string, subject: string, baseline: string, compared: Compared): BenchResult {
  const { ratio, low, high } = compared;
  const metric = `time, ${compared.subject.toFixed(2)} µs`;
  return { bench, subject, baseline, concurrency: 0, metric, ratio, low, high };
}
