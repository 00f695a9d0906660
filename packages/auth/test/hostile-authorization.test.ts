import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compilePolicies,
  createAuthorizer,
  describedRequest,
  type RequestDescription,
  trustedProxies,
} from '@inmesh/auth';
import { authenticate } from '@inmesh/auth/express';
import type { AuthorizationPolicy } from '@inmesh/config';
import { createPipeline, meshOf } from '@inmesh/inbound';
import { sendRaw } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import express from 'express';
import { clientAddress } from '../src/authz/forwarded.ts';
import { frameworks } from './guarded-apps.ts';
import { allow, deny, peer, policy, scope } from './policies.ts';
import { audience, goodClaims, issuer, keySet, mint, rsaKey } from './token-maker.ts';
import { requestOf, verdictOf } from './verdict-of.ts';

const key = rsaKey('k');
const issuers = [{ issuer, audiences: [audience], jwks: keySet(key.jwk) }];
const user = `authorization: Bearer ${mint(key)}\r\n`;
const admin = `authorization: Bearer ${mint(key, { payload: { ...goodClaims(), roles: ['admin'] } })}\r\n`;
const isAdmin = { when: [{ key: 'request.auth.claims[roles]', values: ['admin'] }] };

/** Spellings of `/admin`, each of which some router serves by its handler. */
const spellings = [
  '/admin',
  '/admin?',
  '/admin?x',
  '/admin#',
  '/admin#f',
  '/open#/../admin',
  '//admin',
  '///admin',
  '/admin//',
  '/Admin',
  '/ADMIN',
  '/admin/',
  '/%61dmin',
  '/%41dmin',
  '/%2561dmin',
  '/adm%69n/',
  '/%2Fadmin',
  '/%5Cadmin',
  '\\admin',
  '/.\\admin',
  '/./admin',
  '/open/../admin',
  '/open/%2e%2e/admin',
  '/open/..%2fadmin',
  '/open/..%5cadmin',
  '/admin;a=b',
  '/admin;',
  '/admin/;x',
  '/admin;/x',
  '/Admin;a=b/open',
  '//admin;/../x',
  '/;/admin',
  '/admin%20',
  '/admin%00',
  '/admin/.',
  '/admin/..',
  '/admin%3b',
  '/admin/%2e',
  'http://evil/admin',
  'https://evil/admin',
  'admin',
  '*',
];
const raw = (port: number, target: string, headers: string): Promise<string> =>
  sendRaw(port, `GET ${target} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n${headers}\r\n`);

// By each of these only admins may have /admin; the last guards the route itself.
const protections: readonly (readonly [
  string,
  { policies: AuthorizationPolicy[]; guardAdmin: boolean },
])[] = [
  [
    'DENY on the path',
    {
      policies: [
        deny({
          to: [{ operation: { paths: ['/admin'] } }],
          when: [{ key: 'request.auth.claims[roles]', notValues: ['admin'] }],
        }),
      ],
      guardAdmin: false,
    },
  ],
  [
    'DENY on the prefix',
    {
      policies: [
        deny({
          to: [{ operation: { paths: ['/admin*'] } }],
          when: [{ key: 'request.auth.claims[roles]', notValues: ['admin'] }],
        }),
      ],
      guardAdmin: false,
    },
  ],
  [
    'ALLOW of the other paths',
    {
      policies: [
        policy('open', { rules: [{ to: [{ operation: { paths: ['/open', '/me'] } }] }, isAdmin] }),
      ],
      guardAdmin: false,
    },
  ],
  [
    'ALLOW of all but the path',
    {
      policies: [
        policy('open', { rules: [{ to: [{ operation: { notPaths: ['/admin'] } }] }, isAdmin] }),
      ],
      guardAdmin: false,
    },
  ],
  ['requireRole on the route', { policies: [], guardAdmin: true }],
];

describe.each(frameworks)('cases 27, 28 and 29: %s', (_name, start) => {
  describe.each([true, false])('with a lenient router: %s', (lenient) => {
    test.each(protections)(
      '%s holds for every spelling of the path',
      async (_kind, { policies, guardAdmin }) => {
        const authorizer = createAuthorizer({ ...scope, policies });
        const app = await start({
          authenticate: { issuers, authorization: [authorizer.step] },
          guardAdmin,
          lenient,
        });
        for (const target of spellings) {
          for (const headers of ['', user]) {
            const answer = await raw(app.port, target, headers);
            expect(answer).toMatch(/^HTTP\/1\.1 (200|400|401|403|404) /);
            expect(answer).not.toMatch(/\r\n\r\n(?:\d+\r\n)?admin/);
          }
        }
        expect(app.adminCalls()).toBe(0);
        expect(await raw(app.port, '/open', user)).toMatch(/^HTTP\/1\.1 200 /);
        expect(await raw(app.port, '/admin', admin)).toMatch(/^HTTP\/1\.1 200 /);
        expect(app.adminCalls()).toBe(1);
        await app.close();
      },
    );
  });

  test('the lenient router does serve other spellings, so that the tests above mean something', async () => {
    const app = await start({ authenticate: { issuers, pathNormalization: 'none' } });
    const served: string[] = [];
    for (const target of ['/Admin', '/admin/', '/admin']) {
      if (/^HTTP\/1\.1 200 /.test(await raw(app.port, target, user))) served.push(target);
    }
    expect(served).toEqual(['/Admin', '/admin/', '/admin']);
    await app.close();
  });
});

describe.each(frameworks)('case 29: %s', (_name, start) => {
  test('HEAD is answered by the handler of GET, so what denies GET denies it', async () => {
    const authorizer = createAuthorizer({
      ...scope,
      policies: [deny({ to: [{ operation: { methods: ['GET'], paths: ['/admin'] } }] })],
    });
    const app = await start({ authenticate: { issuers, authorization: [authorizer.step] } });
    const answer = await sendRaw(
      app.port,
      'HEAD /admin HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(app.adminCalls()).toBe(0);
    await app.close();
  });
});

describe('case 28: a server of files, which decodes the path once more', () => {
  const policies: readonly (readonly [string, AuthorizationPolicy])[] = [
    ['DENY', deny({ to: [{ operation: { paths: ['/secret/*'] } }] })],
    ['ALLOW of the rest', allow({ to: [{ operation: { paths: ['/public/*'] } }] })],
  ];
  test.each(policies)('%s is not left by dots behind an escaped slash', async (_kind, one) => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-files-'));
    for (const name of ['secret', 'public']) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'x.txt'), `this is ${name}`);
    }
    const { step } = createAuthorizer({ ...scope, policies: [one] });
    const authentication = authenticate({ issuers, authorization: [step] });
    const app = express().use(authentication).use(express.static(folder));
    const server = createServer(app as unknown as RequestListener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const answers = [];
    for (const target of [
      '/public/x.txt',
      '/secret/x.txt',
      '/public/..%2fsecret/x.txt',
      '/public%2f..%2fsecret/x.txt',
      '/public/%2e%2e%2Fsecret%2fx.txt',
      '/public/..%5csecret/x.txt',
    ]) {
      answers.push(await raw(port, target, user));
    }
    server.closeAllConnections();
    server.close();
    authentication.close();
    await rm(folder, { recursive: true });
    expect(answers.shift()).toContain('this is public');
    for (const answer of answers) expect(answer).not.toContain('this is secret');
  });
});

const allows = (policies: AuthorizationPolicy[], request: RequestDescription) =>
  compilePolicies(policies, scope).decide(describedRequest(request)).allowed;

test('case 29: an ALLOW of a suffix is not had behind a semicolon, where a query may begin', () => {
  const policies = [allow({ to: [{ operation: { paths: ['*.css', '/{*}/pages/{**}'] } }] })];
  expect(allows(policies, { path: '/a/b.css' })).toBe(true);
  expect(allows(policies, { path: '/admin;.css' })).toBe(false);
  expect(allows(policies, { path: '/admin;/pages/x' })).toBe(false);
  expect(allows(policies, { path: '/shop/pages/x;v=1' })).toBe(true);
});

describe('case 30: the Host header', () => {
  const hosts = (...names: string[]) => ({ to: [{ operation: { hosts: names } }] });
  test.each([
    'secret.com',
    'Secret.com',
    'SECRET.COM',
    'secret.com:80',
    'secret.com:8443',
    'secret.com.',
    'secret.com.:80',
  ])('DENY on secret.com matches %s', (host) =>
    expect(allows([deny(hosts('Secret.com'))], { headers: { host } })).toBe(false),
  );
  test('ALLOW on httpbin.foo takes it in any case, and not with another port or name', () => {
    const policies = [allow(hosts('httpbin.foo'))];
    expect(allows(policies, { headers: { host: 'HTTPBIN.foo' } })).toBe(true);
    expect(allows(policies, { headers: { host: 'httpbin.foo:80' } })).toBe(false);
    expect(allows(policies, { headers: { host: 'httpbin.foo.evil' } })).toBe(false);
    expect(
      allows([allow(hosts('httpbin.foo', 'httpbin.foo:*'))], {
        headers: { host: 'httpbin.foo:80' },
      }),
    ).toBe(true);
  });
  test('ALLOW of all but a host is not had by writing it otherwise', () => {
    const policies = [allow({ to: [{ operation: { notHosts: ['secret.com'] } }] })];
    for (const host of ['Secret.com', 'secret.com:80', 'secret.com.'])
      expect(allows(policies, { headers: { host } })).toBe(false);
    expect(allows(policies, { headers: { host: 'open.com' } })).toBe(true);
  });
  test('two Host headers: a DENY looks at both, an ALLOW needs both', () => {
    const headers = { host: ['open.com', 'secret.com'] };
    expect(allows([deny(hosts('secret.com'))], { headers })).toBe(false);
    expect(allows([allow(hosts('open.com'))], { headers })).toBe(false);
  });
});

describe('case 31: repeated headers', () => {
  const rule = (values: string[]) => ({ when: [{ key: 'request.headers[x-role]', values }] });
  test.each([[['user', 'admin']], [['admin', 'user']], [['admin']]])(
    'DENY on admin matches %j',
    (values) => {
      expect(allows([deny(rule(['admin']))], { headers: { 'x-role': values } })).toBe(false);
    },
  );
  test.each(['user,admin', 'user, admin'])('DENY on the joined text %j matches', (joined) => {
    expect(allows([deny(rule([joined]))], { headers: { 'x-role': ['user', 'admin'] } })).toBe(
      false,
    );
  });
  test('ALLOW needs every value, and never takes the joined text', () => {
    expect(allows([allow(rule(['admin']))], { headers: { 'x-role': ['admin', 'user'] } })).toBe(
      false,
    );
    expect(
      allows([allow(rule(['admin,user']))], { headers: { 'x-role': ['admin', 'user'] } }),
    ).toBe(false);
    expect(
      allows([allow(rule(['admin', 'user']))], { headers: { 'x-role': ['admin', 'user'] } }),
    ).toBe(true);
  });
  test('ALLOW of all but a value fails when one of several has it', () => {
    const rule = { when: [{ key: 'request.headers[x-role]', notValues: ['guest'] }] };
    expect(allows([allow(rule)], { headers: { 'x-role': ['admin', 'guest'] } })).toBe(false);
    expect(allows([deny(rule)], { headers: { 'x-role': ['admin', 'guest'] } })).toBe(false);
  });
  test('they are told apart in a real request', async () => {
    const { step } = createAuthorizer({ ...scope, policies: [deny(rule(['admin']))] });
    const pipeline = createPipeline({ authorization: [step] });
    expect(await verdictOf(pipeline, { 'X-Role': ['user', 'admin'] })).toBe(403);
    expect(await verdictOf(pipeline, { 'x-role': 'user' })).toBe(200);
  });
});

test('case 32: dots are not patterns', () => {
  const rule = allow({ from: [{ source: { principals: ['*/sa/cert-manager.io'] } }] });
  expect(allows([rule], { peer: peer('a', 'cert-manager-io') })).toBe(false);
  expect(allows([rule], { peer: peer('a', 'cert-manager.io') })).toBe(true);
});

test('case 33: DENY on a principal suffix matches', () => {
  const rule = deny({ from: [{ source: { principals: ['*/ns/ns1/sa/foo'] } }] });
  expect(allows([rule], { peer: peer('ns1', 'foo', 'td') })).toBe(false);
  expect(allows([rule], { peer: peer('ns1', 'foobar', 'td') })).toBe(true);
});

describe('case 34: a caller with no identity never gains by a negative condition', () => {
  const fields = [
    'notPrincipals',
    'notNamespaces',
    'notServiceAccounts',
    'notTrustDomains',
    'notRequestPrincipals',
  ] as const;
  test.each(fields)('ALLOW with %s alone does not let it pass', (field) => {
    expect(allows([allow({ from: [{ source: { [field]: ['x'] } }] })], {})).toBe(false);
  });
  test.each(fields)('DENY with %s refuses it', (field) => {
    expect(allows([deny({ from: [{ source: { [field]: ['x'] } }] })], {})).toBe(false);
  });
  test('an identity in a header alone is none', async () => {
    const { step } = createAuthorizer({
      ...scope,
      policies: [allow({ from: [{ source: { principals: ['*'] } }] })],
    });
    const pipeline = createPipeline({
      authorization: [step],
      authentication: [
        {
          name: 'header',
          run: (_request, { context }) => {
            context.identity = {
              peer: peer('shop', 'orders'),
              peerVerified: false,
              principal: undefined,
              claims: {},
            };
            return undefined;
          },
        },
      ],
    });
    expect(await verdictOf(pipeline, { 'inmesh-peer': 'orders.shop;v1;orders' })).toBe(403);
  });
});

test.each([
  ['*.example.com/ns/a/sa/b', false],
  ['cluster.local/ns/a/sa/b\0.evil', false],
  ['cluster.local/ns/a/sa/b%00', false],
  ['cluster.local/ns/a/sa/b', true],
])('case 35: a certificate for %j is somebody: %s', async (name, known) => {
  const { step } = createAuthorizer({
    ...scope,
    policies: [allow({ from: [{ source: { principals: ['*'] } }] })],
  });
  const identity = { ...peer('a', 'b'), spiffeId: `spiffe://${name}` };
  const pipeline = createPipeline({
    authorization: [step],
    peers: { peerOf: () => ({ service: '', version: '', identity }) },
  });
  expect(await verdictOf(pipeline, {})).toBe(known ? 200 : 403);
});

describe('case 36: what proxies say about the client', () => {
  const proxies = trustedProxies(['10.0.0.0/8', '127.0.0.1']);
  test.each([
    ['203.0.113.1', ['1.1.1.1'], '203.0.113.1'],
    ['10.0.0.1', ['1.1.1.1, 2.2.2.2'], '2.2.2.2'],
    ['10.0.0.1', ['1.1.1.1', '2.2.2.2, 10.0.0.2'], '2.2.2.2'],
    ['10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['10.0.0.1', [], '10.0.0.1'],
    ['10.0.0.1', ['1.1.1.1:4711, 10.0.0.2:1'], '1.1.1.1'],
    ['10.0.0.1', ['[2001:db8::1]:4711'], '2001:db8::1'],
    ['10.0.0.1', ['2001:db8::1'], '2001:db8::1'],
    ['::ffff:10.0.0.1', ['1.1.1.1'], '1.1.1.1'],
  ])('from %s with %j the client is %s', (source, forwardedFor, client) => {
    expect(clientAddress(source, forwardedFor, proxies)).toBe(client);
  });
  test('an entry that is no address is no address in any block', () => {
    const rule = allow({ from: [{ source: { remoteIpBlocks: ['0.0.0.0/0'] } }] });
    expect(allows([rule], { remoteIp: 'unknown' })).toBe(false);
  });
  test('identity headers of a trusted proxy pass, of anybody else not', async () => {
    for (const [trusted, status] of [
      [['127.0.0.1'], true],
      [[], false],
    ] as const) {
      const [, start] = frameworks[1] as (typeof frameworks)[number];
      const app = await start({
        authenticate: { issuers, trustedProxies: trusted, identityHeaders: ['x-user'] },
      });
      const answer = await raw(app.port, '/me', 'x-user: root\r\nx-forwarded-for: 1.1.1.1\r\n');
      expect(answer.includes('root')).toBe(status);
      expect(answer.includes('1.1.1.1')).toBe(status);
      await app.close();
    }
  });
  test('a block that is none does not start', () => {
    expect(() => trustedProxies(['10.0.0.0/33'])).toThrow(
      /trustedProxies must hold addresses or CIDRs/,
    );
  });
});

test('a request object that no pipeline saw has no exchange', () => {
  expect(meshOf(requestOf({}))).toBeUndefined();
});
