import { readFileSync } from 'node:fs';
import { compilePolicies, createAuthentication, describedRequest } from '@inmesh/auth';
import type { AuthorizationPolicy, AuthorizationPolicySpec } from '@inmesh/config';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { peer, policy, scope } from './policies.ts';
import { audience, issuer, keySet, rsaKey } from './token-maker.ts';
import { verdictOf } from './verdict-of.ts';

function corpus<T>(name: string): Readonly<Record<string, T>> {
  return JSON.parse(readFileSync(new URL(`./corpus/${name}.json`, import.meta.url), 'utf8'));
}

const tokens = corpus<string>('tokens');
const { pipeline } = createAuthentication({
  issuers: [{ issuer, audiences: [audience], jwks: keySet(rsaKey('k').jwk) }],
});
afterAll(() => pipeline.close());
const ask = (token: string): Promise<number> =>
  verdictOf(pipeline, { authorization: `Bearer ${token}` });

describe('tokens', () => {
  test.each(Object.entries(tokens))('%s is 401', async (_name, token) => {
    expect(await ask(token)).toBe(401);
  });

  test('whatever is put together from pieces of them is 401', async () => {
    const pieces = Object.values(tokens).flatMap((token) => token.split('.'));
    const piece = fc.constantFrom(...pieces);
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 5 }), async (chosen) => {
        expect(await ask(chosen.join('.'))).toBe(401);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** As the registry would never take them: the compiler is the last to see them, and must not fall. */
const policies = corpus<AuthorizationPolicySpec>('policies');
const request = describedRequest({ path: '/a', peer: peer('shop', 'x'), claims: {} });

function policyWith(action: string, spec: AuthorizationPolicySpec): AuthorizationPolicy {
  const text = JSON.stringify({ ...spec, action }).replace(
    '"@10000"',
    JSON.stringify(Array.from({ length: 10_000 }, (_, i) => `td/ns/n/sa/${i}`)),
  );
  return { ...policy('p', { rules: [{}] }), spec: JSON.parse(text) };
}

describe('policies', () => {
  test.each(Object.entries(policies))('%s are compiled, and decide', (_name, spec) => {
    for (const action of ['ALLOW', 'DENY']) {
      const set = compilePolicies([policyWith(action, spec)], scope);
      expect(typeof set.decide(request).allowed).toBe('boolean');
    }
  });

  test('what has no meaning never opens: an ALLOW of it allows nothing, a DENY denies no less', () => {
    for (const name of ['blocks that are none', 'unknown keys']) {
      const spec = policies[name] as AuthorizationPolicySpec;
      const allow = compilePolicies([policyWith('ALLOW', spec)], scope);
      expect([name, allow.decide(request).allowed]).toEqual([name, false]);
      const deny = compilePolicies([policyWith('DENY', spec)], scope);
      expect([name, deny.decide(request).allowed]).toEqual([name, false]);
    }
  });

  test('no values at all make the compiler or a decision throw', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('*', '{*}', '/', '[', ''));
    const values = fc.array(text, { maxLength: 3 });
    const source = fc.dictionary(
      fc.constantFrom('principals', 'ipBlocks', 'namespaces', 'notPrincipals', 'serviceAccounts'),
      values,
    );
    const operation = fc.dictionary(
      fc.constantFrom('paths', 'hosts', 'ports', 'methods', 'notPaths'),
      values,
    );
    const condition = fc.record({ key: text, values });
    fc.assert(
      fc.property(source, operation, condition, text, (from, to, when, path) => {
        const rules = [{ from: [{ source: from }], to: [{ operation: to }], when: [when] }];
        const all = ['ALLOW', 'DENY'].map((action) => policyWith(action, { rules }));
        const asked = describedRequest({ path, peer: peer('shop', 'x') });
        expect(typeof compilePolicies(all, scope).decide(asked).allowed).toBe('boolean');
      }),
      { numRuns: 1_000 },
    );
  });
});
