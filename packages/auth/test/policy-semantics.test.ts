import { compilePolicies, describedRequest, type RequestDescription } from '@inmesh/auth';
import type {
  AuthorizationOperation,
  AuthorizationPolicy,
  AuthorizationSource,
} from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';
import { allow, deny, peer, policy, scope } from './policies.ts';

const decide = (policies: readonly AuthorizationPolicy[], request: RequestDescription) =>
  compilePolicies(policies, scope).decide(describedRequest(request));
const allows = (policies: readonly AuthorizationPolicy[], request: RequestDescription = {}) =>
  decide(policies, request).allowed;
const from = (source: AuthorizationSource, request: RequestDescription) =>
  allows([allow({ from: [{ source }] })], request);
const to = (operation: AuthorizationOperation, request: RequestDescription) =>
  allows([allow({ to: [{ operation }] })], request);
const when = (key: string, values: string[], request: RequestDescription) =>
  allows([allow({ when: [{ key, values }] })], request);
const denies = (rule: Parameters<typeof deny>[0], request: RequestDescription) =>
  !allows([deny(rule)], request);

const orders = peer('shop', 'orders');
const ada = {
  iss: 'https://issuer',
  sub: 'ada',
  aud: ['shop', 'web'],
  azp: 'web',
  groups: ['a', 'b'],
  nested: { roles: ['x'], level: 3, on: true },
};

describe('the order of decisions', () => {
  test('no policy allows everything', () => expect(allows([])).toBe(true));
  test('an ALLOW without rules allows nothing', () =>
    expect(allows([policy('none', {})])).toBe(false));
  test('the rule {} matches everything', () => expect(allows([allow({})])).toBe(true));
  test('DENY comes before ALLOW', () => expect(allows([allow({}), deny({})])).toBe(false));
  test('one of several ALLOW policies is enough', () => {
    expect(allows([policy('none', {}), policy('all', { rules: [{}] })])).toBe(true);
  });
  test('where no DENY matches and no ALLOW applies, the request passes', () => {
    expect(allows([deny({ to: [{ operation: { methods: ['POST'] } }] })])).toBe(true);
  });
  test('AUDIT never decides', () =>
    expect(allows([policy('a', { action: 'AUDIT', rules: [{}] })])).toBe(true));
  test('a policy in dry run never decides, and is rehearsed', () => {
    const dry = policy(
      'dry',
      { action: 'DENY', rules: [{}] },
      { annotations: { 'istio.io/dry-run': 'true' } },
    );
    const set = compilePolicies([dry], scope);
    expect(set.decide(describedRequest({})).allowed).toBe(true);
    expect(set.rehearse(describedRequest({}))).toMatchObject({ allowed: false, by: 'deny' });
  });
  test('the first rule in order is the one that is named', () => {
    const rules = [
      { to: [{ operation: { methods: ['PUT'] } }] },
      { to: [{ operation: { paths: ['/a'] } }] },
      {},
    ];
    expect(decide([allow(...rules)], { path: '/a' })).toMatchObject({
      by: 'allow',
      rule: { policy: 'AuthorizationPolicy/default/allow', index: 1 },
    });
  });
});

describe('which policies apply', () => {
  const elsewhere = (metadata: object, spec: object = {}) => policy('x', spec, metadata);
  test.each([
    ['of another namespace', elsewhere({ namespace: 'other' }), true],
    ['of the root namespace', elsewhere({ namespace: 'istio-system' }), false],
    [
      'whose selector fits',
      elsewhere({}, { selector: { matchLabels: { app: 'ratings' } } }),
      false,
    ],
    [
      'whose selector does not',
      elsewhere({}, { selector: { matchLabels: { app: 'reviews' } } }),
      true,
    ],
    [
      'that select a label named like an inherited property',
      elsewhere({}, { selector: { matchLabels: { toString: 'x' } } }),
      true,
    ],
  ])('a policy %s', (_case, one, allowed) => expect(allows([one])).toBe(allowed));
});

describe('a rule', () => {
  test('needs any source, any operation and all conditions', () => {
    const rule = {
      from: [{ source: { namespaces: ['shop'] } }, { source: { namespaces: ['web'] } }],
      to: [{ operation: { methods: ['GET'] } }, { operation: { paths: ['/open'] } }],
      when: [
        { key: 'request.headers[a]', values: ['1'] },
        { key: 'request.headers[b]', values: ['2'] },
      ],
    };
    const headers = { a: '1', b: '2' };
    expect(allows([allow(rule)], { peer: orders, headers })).toBe(true);
    expect(
      allows([allow(rule)], { peer: peer('web', 'x'), headers, method: 'POST', path: '/open' }),
    ).toBe(true);
    expect(allows([allow(rule)], { peer: peer('x', 'x'), headers })).toBe(false);
    expect(allows([allow(rule)], { peer: orders, headers, method: 'POST' })).toBe(false);
    expect(allows([allow(rule)], { peer: orders, headers: { a: '1' } })).toBe(false);
  });
});

describe('sources', () => {
  const caller = { peer: orders, claims: ada, sourceIp: '10.1.2.3', remoteIp: '203.0.113.9' };
  test.each<[AuthorizationSource, boolean]>([
    [{ principals: ['cluster.local/ns/shop/sa/orders'] }, true],
    [{ principals: ['cluster.local/ns/shop/*'] }, true],
    [{ principals: ['*/sa/orders'] }, true],
    [{ principals: ['*'] }, true],
    [{ principals: ['cluster.local/ns/shop/sa/order'] }, false],
    [{ notPrincipals: ['*/sa/orders'] }, false],
    [{ notPrincipals: ['*/sa/other'] }, true],
    [{ namespaces: ['shop'] }, true],
    [{ namespaces: ['sho*'] }, true],
    [{ notNamespaces: ['shop'] }, false],
    [{ serviceAccounts: ['shop/orders'] }, true],
    [{ serviceAccounts: ['orders'] }, false],
    [{ notServiceAccounts: ['shop/orders'] }, false],
    [{ trustDomains: ['cluster.local'] }, true],
    [{ trustDomains: ['*.local'] }, true],
    [{ notTrustDomains: ['other.domain'] }, true],
    [{ requestPrincipals: ['https://issuer/ada'] }, true],
    [{ requestPrincipals: ['https://issuer/*'] }, true],
    [{ requestPrincipals: ['*/ada'] }, true],
    [{ requestPrincipals: ['*'] }, true],
    [{ requestPrincipals: ['https://other/*'] }, false],
    [{ notRequestPrincipals: ['https://issuer/*'] }, false],
    [{ ipBlocks: ['10.0.0.0/8'] }, true],
    [{ ipBlocks: ['10.1.2.3'] }, true],
    [{ ipBlocks: ['10.1.2.4/31'] }, false],
    [{ notIpBlocks: ['10.0.0.0/8'] }, false],
    [{ remoteIpBlocks: ['203.0.113.0/24'] }, true],
    [{ notRemoteIpBlocks: ['198.51.100.0/24'] }, true],
    [{ principals: ['*'], namespaces: ['web'] }, false],
  ])('%j: %s', (source, matches) => expect(from(source, caller)).toBe(matches));

  test("a short service account is one of the policy's namespace", () => {
    expect(from({ serviceAccounts: ['orders'] }, { peer: peer('default', 'orders') })).toBe(true);
  });
  test("cluster.local means the mesh's own trust domain, and aliases its former names", () => {
    const rule = allow({ from: [{ source: { principals: ['cluster.local/ns/shop/sa/orders'] } }] });
    const own = {
      workload: { ...scope.workload, trustDomain: 'example.org' },
      trustDomainAliases: ['old.org'],
    };
    const decideFor = (domain: string) =>
      compilePolicies([rule], own).decide(
        describedRequest({ peer: peer('shop', 'orders', domain) }),
      ).allowed;
    expect(['example.org', 'old.org', 'cluster.local', 'evil.org'].map(decideFor)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
  test('an IPv4 address in an IPv6 form is that IPv4 address', () => {
    expect(from({ ipBlocks: ['10.0.0.0/8'] }, { sourceIp: '::ffff:10.1.2.3' })).toBe(true);
    expect(from({ ipBlocks: ['::ffff:10.0.0.0/104'] }, { sourceIp: '10.1.2.3' })).toBe(true);
    expect(from({ ipBlocks: ['2001:db8::/32'] }, { sourceIp: '2001:db8::1' })).toBe(true);
  });
  test("an issuer's pattern is not one of a longer issuer, and a subject with a slash is never exact", () => {
    const tenant = { ...ada, iss: 'https://issuer/evil' };
    expect(from({ requestPrincipals: ['https://issuer/*'] }, { claims: tenant })).toBe(false);
    const slashed = { ...ada, sub: 'evil/ada' };
    expect(from({ requestPrincipals: ['https://issuer/evil/ada'] }, { claims: slashed })).toBe(
      false,
    );
    expect(
      denies(
        { from: [{ source: { requestPrincipals: ['https://issuer/evil/ada'] } }] },
        { claims: slashed },
      ),
    ).toBe(true);
  });
});

describe('operations', () => {
  const request = {
    method: 'GET',
    path: '/ratings/7',
    headers: { host: 'Ratings.shop:8080' },
    destinationPort: 8080,
  };
  test.each<[AuthorizationOperation, boolean]>([
    [{ methods: ['GET'] }, true],
    [{ methods: ['G*'] }, true],
    [{ notMethods: ['GET', 'HEAD'] }, false],
    [{ paths: ['/ratings/7'] }, true],
    [{ paths: ['/ratings/*'] }, true],
    [{ paths: ['*/7'] }, true],
    [{ paths: ['*'] }, true],
    [{ paths: ['/ratings/{*}'] }, true],
    [{ paths: ['/{*}/7'] }, true],
    [{ paths: ['/{**}'] }, true],
    [{ paths: ['/ratings/{**}'] }, true],
    [{ paths: ['/{**}/7'] }, true],
    [{ paths: ['/ratings'] }, false],
    [{ paths: ['/ratings/{*}/x'] }, false],
    [{ notPaths: ['/ratings/*'] }, false],
    [{ notPaths: ['/other/*'] }, true],
    [{ hosts: ['ratings.shop:8080'] }, true],
    [{ hosts: ['RATINGS.shop:*'] }, true],
    [{ hosts: ['ratings.shop'] }, false],
    [{ notHosts: ['ratings.shop'] }, false],
    [{ ports: ['8080'] }, true],
    [{ ports: ['80'] }, false],
    [{ notPorts: ['8080'] }, false],
  ])('%j: %s', (operation, matches) => expect(to(operation, request)).toBe(matches));

  test.each([
    ['/a/{*}', '/a/b', true],
    ['/a/{*}', '/a/', false],
    ['/a/{*}', '/a/b/c', false],
    ['/a/{**}', '/a/', true],
    ['/a/{**}', '/a/b/c', true],
    ['/a/{**}', '/a', false],
    ['/a/{*}/{**}', '/a/b/', true],
    ['/a/{*}/{**}', '/a//c', false],
    ['/a/{**}/z', '/a/b/c/z', true],
    ['/a/{**}/z', '/a/z', false],
    ['/{**}', '/', true],
    ['/a.b', '/axb', false],
  ])('the template %s on %s: %s', (template, path, matches) => {
    expect(to({ paths: [template] }, { path })).toBe(matches);
  });
});

describe('conditions', () => {
  const request = {
    peer: orders,
    claims: ada,
    headers: { 'x-tenant': 'blue' },
    sourceIp: '10.1.2.3',
    destinationIp: '10.9.9.9',
    destinationPort: 8080,
    sni: 'ratings.shop',
  };
  test.each([
    ['request.headers[X-Tenant]', 'blue', true],
    ['request.headers[x-tenant]', 'bl*', true],
    ['request.headers[x-other]', '*', false],
    ['source.ip', '10.0.0.0/8', true],
    ['remote.ip', '10.1.2.3', true],
    ['source.namespace', 'shop', true],
    ['source.serviceAccount', 'shop/orders', true],
    ['source.principal', 'cluster.local/ns/shop/sa/orders', true],
    ['source.trustDomain', 'cluster.local', true],
    ['request.auth.principal', 'https://issuer/ada', true],
    ['request.auth.audiences', 'web', true],
    ['request.auth.audiences', 'other', false],
    ['request.auth.presenter', 'web', true],
    ['request.auth.claims[groups]', 'b', true],
    ['request.auth.claims[groups]', 'c', false],
    ['request.auth.claims[nested][roles]', 'x', true],
    ['request.auth.claims[nested][level]', '3', true],
    ['request.auth.claims[nested][on]', 'true', true],
    ['request.auth.claims[nested]', '*', false],
    ['request.auth.claims[constructor][name]', '*', false],
    ['destination.ip', '10.9.9.9', true],
    ['destination.port', '8080', true],
    ['connection.sni', 'ratings.shop', true],
    ['connection.sni', '*.other', false],
  ])('%s is %s: %s', (key, value, matches) => expect(when(key, [value], request)).toBe(matches));

  test("notValues of a claim that the token lacks match, and of nobody's token do not", () => {
    const rule = { when: [{ key: 'request.auth.claims[banned]', notValues: ['true'] }] };
    expect(allows([allow(rule)], { claims: ada })).toBe(true);
    expect(allows([allow(rule)], { claims: { ...ada, banned: true } })).toBe(false);
    expect(allows([allow(rule)], {})).toBe(false);
  });
  test('notValues of a missing header match, as in Istio', () => {
    expect(allows([allow({ when: [{ key: 'request.headers[a]', notValues: ['1'] }] })], {})).toBe(
      true,
    );
  });
});

describe('what has no meaning here', () => {
  // Not from the config, which refuses it: as an older or newer peer may hand it on.
  const unknown = (action: 'ALLOW' | 'DENY') =>
    ({
      ...policy('u', { rules: [{}] }),
      spec: {
        action,
        rules: [
          { when: [{ key: 'no.such.key', values: ['x'] }], to: [{ operation: { paths: ['/a'] } }] },
        ],
      },
    }) as AuthorizationPolicy;
  test('an ALLOW rule never matches', () =>
    expect(allows([unknown('ALLOW')], { path: '/a' })).toBe(false));
  test('a DENY rule matches without that condition', () => {
    expect(allows([unknown('DENY')], { path: '/a' })).toBe(false);
    expect(allows([unknown('DENY')], { path: '/b' })).toBe(true);
  });
});
