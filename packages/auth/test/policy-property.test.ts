import {
  compilePolicies,
  createAuthorizer,
  describedRequest,
  mayEverCall,
  type RequestDescription,
} from '@inmesh/auth';
import type { AuthorizationRule } from '@inmesh/config';
import { createPipeline } from '@inmesh/inbound';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loosePath } from '../src/authz/loose-path.ts';
import { peer, policy, scope } from './policies.ts';
import { policies, request } from './policy-arbitraries.ts';
import { referenceAllows } from './reference-policy.ts';
import { requestOf } from './verdict-of.ts';

/** A DENY also looks at loose spellings of a path; the reference is asked about each of them. */
function referenceWithLoosePaths(
  all: Parameters<typeof referenceAllows>[0],
  asked: RequestDescription,
): boolean {
  const path = asked.path ?? '/';
  const toggled = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
  const denying = all.filter(({ spec }) => spec.action === 'DENY');
  return referenceAllows(all, asked) && referenceAllows(denying, { ...asked, path: toggled });
}

test('the compiled policies decide as the simplest implementation does', () => {
  fc.assert(
    fc.property(policies, request, (all, asked) => {
      const { allowed } = compilePolicies(all, scope).decide(describedRequest(asked));
      // Stricter is never wrong here: a negated path looks at loose spellings too.
      if (allowed) expect(referenceAllows(all, asked)).toBe(true);
      else if (!mentionsPaths(all)) expect(referenceAllows(all, asked)).toBe(false);
      else if (referenceWithLoosePaths(all, asked)) expect(mentionsNotPaths(all)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('who is allowed any request may call, and nobody else is refused them all', () => {
  fc.assert(
    fc.property(policies, fc.constantFrom(peer('shop', 'x'), peer('web', 'y')), (all, caller) => {
      const set = compilePolicies(all, scope);
      const mayCall = mayEverCall(set, caller);
      const requests = fc.sample(request, { numRuns: 20, seed: 1 });
      const allowed = requests.some((asked) => referenceAllows(all, { ...asked, peer: caller }));
      if (allowed) expect(mayCall).toBe(true);
      // Where nothing but the caller counts, the answer is exact.
      if (!/"(?:to|when|requestPrincipals)"/.test(JSON.stringify(all))) {
        expect(mayCall).toBe(set.decide(describedRequest({ peer: caller })).allowed);
      }
    }),
    { numRuns: 1_000 },
  );
});

function mentionsPaths(all: readonly unknown[]): boolean {
  return /"(?:paths|notPaths)"/.test(JSON.stringify(all));
}

function mentionsNotPaths(all: readonly unknown[]): boolean {
  return JSON.stringify(all).includes('"notPaths"');
}

test('a protected handler never runs unless the reference allows it', async () => {
  await fc.assert(
    fc.asyncProperty(policies, request, async (all, asked) => {
      const { step } = createAuthorizer({ ...scope, policies: all });
      const pipeline = createPipeline({
        authorization: [step],
        authentication: [
          {
            name: 'test',
            run: (_request, { context }) => {
              context.identity = {
                peer: asked.peer,
                peerVerified: asked.peer !== undefined,
                principal: undefined,
                claims: asked.claims ?? {},
              };
              return undefined;
            },
          },
        ],
      });
      const incoming = requestOf(asked.headers ?? {}, {
        method: asked.method ?? 'GET',
        url: asked.path ?? '/',
      });
      const verdict = await pipeline.handle(pipeline.begin(incoming));
      if (verdict.kind === 'proceed') expect(referenceAllows(all, asked)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('the index finds what going through all rules finds, for any pattern and path', () => {
  const segment = fc.constantFrom(
    'a',
    'A',
    'b',
    '',
    'a;x',
    '%61',
    'é',
    '%C3%A9',
    '%ff',
    '{*}',
    '.',
  );
  const path = fc.array(segment, { maxLength: 11 }).map((parts) => `/${parts.join('/')}`);
  const pattern = fc
    .tuple(path, fc.constantFrom('', '*', '/', '/*', '/{**}'))
    .map(([start, end]) => (start.includes('{') && end === '*' ? start : start + end));
  fc.assert(
    fc.property(pattern, path, fc.constantFrom('ALLOW', 'DENY'), (one, asked, action) => {
      const rules = [{ to: [{ operation: { paths: [one] } }] }];
      const indexed = compilePolicies([policyOf(action, rules)], scope);
      // A second operation without paths cannot be filed under one: all its rules are looked at.
      const unfiled = [{ to: [...(rules[0]?.to ?? []), { operation: { methods: ['NONE'] } }] }];
      const scanned = compilePolicies([policyOf(action, unfiled)], scope);
      const attributes = describedRequest({ path: asked });
      expect(indexed.decide(attributes).by).toBe(scanned.decide(attributes).by);
    }),
    { numRuns: 5_000 },
  );
});

function policyOf(action: string, rules: readonly AuthorizationRule[]) {
  const base = policy('p', { rules: [{}] });
  return { ...base, spec: { action: action as 'ALLOW', rules } };
}

test('a thousand policies are told apart by what they need', () => {
  const many = Array.from({ length: 1_000 }, (_, i) =>
    policy(`p${i}`, {
      rules: [
        {
          from: [{ source: { namespaces: ['shop'] } }],
          to: [{ operation: { paths: [`/items/${i}/*`] } }],
        },
      ],
    }),
  );
  const set = compilePolicies(many, scope);
  const { rule } = set.decide(describedRequest({ path: '/items/777/x', peer: peer('shop', 'x') }));
  expect(rule?.policy).toBe('AuthorizationPolicy/default/p777');
  expect(
    set.decide(describedRequest({ path: '/items/1000/x', peer: peer('shop', 'x') })).allowed,
  ).toBe(false);
});

test('a path of thousands of segments costs no more than its length', () => {
  const set = compilePolicies(
    [policy('p', { rules: [{ to: [{ operation: { paths: ['/a/b/c/*'] } }] }] })],
    scope,
  );
  const long = `/a/b/c${'/A;x'.repeat(4_000)}`;
  expect(set.decide(describedRequest({ path: long })).allowed).toBe(true);
  expect(loosePath(long)).toHaveLength('/a/b/c'.length + 8_000);
});
