import { explainAuthorization, type Role, rolePolicies, whoMayCall } from '@inmesh/auth';
import { createWorkload } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import { deny, peer, policy, scope, workload } from './policies.ts';

const onlyReviews = policy('only-reviews', {
  rules: [
    {
      from: [{ source: { principals: ['cluster.local/ns/default/sa/reviews'] } }],
      to: [{ operation: { methods: ['GET'] } }],
    },
    { when: [{ key: 'request.auth.claims[roles]', values: ['admin', 'root', 'boss', 'chief'] }] },
  ],
});

describe('explainAuthorization', () => {
  test('says which rule allows, and why the others do not', () => {
    const elsewhere = policy('elsewhere', {}, { namespace: 'other' });
    const explained = explainAuthorization(
      [elsewhere, onlyReviews],
      { peer: peer('default', 'reviews') },
      scope,
    );
    expect(explained).toMatchObject({
      allowed: true,
      by: 'allow',
      policy: 'AuthorizationPolicy/default/only-reviews',
      rule: 0,
    });
    expect(explained.text).toBe(
      [
        'allowed: rule 0 of AuthorizationPolicy/default/only-reviews allows it',
        'AuthorizationPolicy/other/elsewhere: does not apply to this workload',
        'AuthorizationPolicy/default/only-reviews: ALLOW',
        '  rule 0: matches',
        '  rule 1: when/0/values: request.auth.claims[roles] is not known, must be "admin", "root", "boss", … (4)',
      ].join('\n'),
    );
  });
  test('says what a refused caller lacks', () => {
    const { allowed, by, policies } = explainAuthorization(
      [onlyReviews],
      { peer: peer('default', 'orders'), method: 'POST' },
      scope,
    );
    expect({ allowed, by }).toEqual({ allowed: false, by: 'no-rule' });
    expect(policies[0]?.rules[0]?.failed).toEqual([
      'from/0/source/principals: source.principal is "cluster.local/ns/default/sa/orders", must be "cluster.local/ns/default/sa/reviews"',
      'to/0/operation/methods: request.method is "POST", must be "GET"',
    ]);
  });
  test('leaves open what a provider is asked, unless it is refused anyway', () => {
    const custom = policy('ext', { action: 'CUSTOM', provider: { name: 'opa' }, rules: [{}] });
    expect(explainAuthorization([custom], {}, scope)).toMatchObject({
      allowed: undefined,
      providers: ['opa'],
    });
    expect(explainAuthorization([custom, deny({})], {}, scope)).toMatchObject({
      allowed: false,
      by: 'deny',
    });
    expect(explainAuthorization([], {}, scope).text).toBe(
      'allowed: no policy restricts this workload',
    );
  });
});

const roles: readonly Role[] = [
  {
    name: 'viewer',
    grants: [{ services: ['ratings'], methods: ['GET'] }],
    members: [{ serviceAccounts: ['default/reviews'] }],
  },
  {
    name: 'editor',
    grants: [
      { services: ['ratings.default'], methods: ['GET', 'PUT'], paths: ['/ratings/*'] },
      { services: ['reviews'] },
    ],
  },
];

test('roles become ALLOW policies of the services that they grant something on', () => {
  expect(rolePolicies(roles, workload)).toMatchObject([
    {
      metadata: { name: 'role-viewer', namespace: 'default' },
      spec: {
        rules: [
          {
            from: [{ source: { serviceAccounts: ['default/reviews'] } }],
            to: [{ operation: { methods: ['GET'] } }],
          },
        ],
      },
    },
    {
      metadata: { name: 'role-editor' },
      spec: {
        rules: [
          {
            when: [{ key: 'request.auth.claims[roles]', values: ['editor'] }],
            to: [{ operation: { methods: ['GET', 'PUT'], paths: ['/ratings/*'] } }],
          },
        ],
      },
    },
  ]);
  const [unrestricted] = rolePolicies(roles, createWorkload({ service: 'reviews' }));
  expect(unrestricted?.spec.rules).toEqual([
    { when: [{ key: 'request.auth.claims[roles]', values: ['editor'] }] },
  ]);
  expect(rolePolicies(roles, createWorkload({ service: 'orders' }))).toEqual([]);
});

test('a role with a bad name, without members or with a bad path is refused', () => {
  const grants = [{}];
  expect(() => rolePolicies([{ name: 'Bad Name', grants }], workload)).toThrow(/role "Bad Name"/);
  expect(() => rolePolicies([{ name: 'empty', grants, members: [] }], workload)).toThrow(
    /role empty has no members/,
  );
  expect(() =>
    rolePolicies([{ name: 'a', grants: [{ paths: ['/{**}/{**}'] }] }], workload),
  ).toThrow(expect.objectContaining({ code: 'invalid_resource' }));
});

test('whoMayCall makes the table of callers, services and requests', () => {
  const rows = whoMayCall(rolePolicies(roles, workload), {
    services: [workload, createWorkload({ service: 'other', namespace: 'elsewhere' })],
    callers: [
      { name: 'reviews', peer: peer('default', 'reviews') },
      { name: 'an editor', claims: { iss: 'i', sub: 's', roles: ['editor'] } },
      { name: 'nobody' },
    ],
    requests: [
      { method: 'GET', path: '/ratings/7' },
      { method: 'PUT', path: '/ratings/7' },
    ],
  });
  const table = rows.map(({ caller, service, method, allowed, by }) =>
    [caller, service, method, allowed, by].join(' '),
  );
  expect(table).toEqual([
    'reviews ratings.default GET true allow',
    'reviews ratings.default PUT false no-rule',
    'an editor ratings.default GET true allow',
    'an editor ratings.default PUT true allow',
    'nobody ratings.default GET false no-rule',
    'nobody ratings.default PUT false no-rule',
    'reviews other.elsewhere GET true no-policy',
    'reviews other.elsewhere PUT true no-policy',
    'an editor other.elsewhere GET true no-policy',
    'an editor other.elsewhere PUT true no-policy',
    'nobody other.elsewhere GET true no-policy',
    'nobody other.elsewhere PUT true no-policy',
  ]);
  expect(rows[0]).toMatchObject({
    policy: 'AuthorizationPolicy/default/role-viewer',
    rule: 0,
    asksProvider: false,
  });
});
