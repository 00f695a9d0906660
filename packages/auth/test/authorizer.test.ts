import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type AuthorizerOptions,
  createAuthorizer,
  type ExternalAuthorizer,
  httpAuthorizer,
} from '@inmesh/auth';
import { authenticate, authorize, requireRole } from '@inmesh/auth/express';
import { type EndedRequest, type Logger, type LogMethod, silentLogger } from '@inmesh/core';
import { attach, createPipeline } from '@inmesh/inbound';
import { send, startUpstream } from '@inmesh/testing';
import { afterEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { allow, deny, policy, scope } from './policies.ts';
import { audience, goodClaims, issuer, keySet, mint, rsaKey } from './token-maker.ts';
import { requestOf, verdictOf } from './verdict-of.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly text: string;
}

function recordingLogger(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const method =
    (level: string): LogMethod =>
    (fields, text) =>
      void lines.push({ level, fields, text });
  return {
    lines,
    logger: {
      debug: method('debug'),
      info: method('info'),
      warn: method('warn'),
      error: method('error'),
    },
  };
}

function guarded(options: Partial<AuthorizerOptions>) {
  const authorizer = createAuthorizer({ ...scope, ...options });
  const pipeline = createPipeline({ authorization: [authorizer.step] });
  cleanups.push(() => pipeline.close());
  return { authorizer, pipeline };
}

describe('a refusal', () => {
  const post = { to: [{ operation: { methods: ['POST'] } }] };
  test('names policy and rule in the log and the flag, and not to the caller', async () => {
    const { logger, lines } = recordingLogger();
    const { pipeline } = guarded({
      logger,
      policies: [deny({ to: [{ operation: { methods: ['PUT'] } }] }, post)],
    });
    const exchange = pipeline.begin(requestOf({}, { method: 'POST', url: '/x?token=secret' }));
    expect(await pipeline.handle(exchange)).toMatchObject({
      status: 403,
      code: 'forbidden',
      detail: 'access denied',
      flag: 'RBAC',
    });
    expect(exchange.flag).toBe('RBAC');
    expect(lines).toEqual([
      {
        level: 'warn',
        text: 'a request was refused',
        fields: {
          method: 'POST',
          path: '/x',
          peer: undefined,
          principal: undefined,
          policy: 'AuthorizationPolicy/default/deny',
          rule: 1,
          by: 'deny',
        },
      },
    ]);
  });
  test('tells the caller when the operator says so', async () => {
    const { pipeline } = guarded({ tellCaller: true, policies: [deny(post)] });
    const verdict = await pipeline.handle(pipeline.begin(requestOf({}, { method: 'POST' })));
    expect(verdict).toMatchObject({
      detail: 'access denied: rule 0 of AuthorizationPolicy/default/deny',
    });
  });
  test('the flag reaches the observers', async () => {
    const ended: EndedRequest[] = [];
    const { step } = createAuthorizer({ ...scope, policies: [deny({})] });
    const pipeline = createPipeline({
      authorization: [step],
      observers: [{ requestEnded: (request) => void ended.push(request) }],
    });
    const exchange = pipeline.begin(requestOf({}));
    await pipeline.handle(exchange);
    pipeline.end(exchange, { status: 403, flag: exchange.flag, requestBytes: 0, responseBytes: 0 });
    expect(ended).toMatchObject([{ status: 403, flag: 'RBAC' }]);
  });
});

test('AUDIT and dry run are logged and refuse nothing', async () => {
  const { logger, lines } = recordingLogger();
  const dryRun = { annotations: { 'istio.io/dry-run': 'true' } };
  const { pipeline } = guarded({
    logger,
    policies: [
      policy('audit', { action: 'AUDIT', rules: [{}] }),
      policy('dry', { action: 'DENY', rules: [{}] }, dryRun),
    ],
  });
  expect(await verdictOf(pipeline, {})).toBe(200);
  expect(lines.map(({ fields, text }) => [fields.policy, text])).toEqual([
    ['AuthorizationPolicy/default/audit', 'a request is audited'],
    ['AuthorizationPolicy/default/dry', 'a policy in dry run would refuse this request'],
  ]);
});

test('policies are replaced whole', async () => {
  const { authorizer, pipeline } = guarded({ policies: [deny({})] });
  expect(await verdictOf(pipeline, {})).toBe(403);
  authorizer.update([allow({})]);
  expect(await verdictOf(pipeline, {})).toBe(200);
});

describe('CUSTOM', () => {
  const custom = policy('ext', {
    action: 'CUSTOM',
    provider: { name: 'opa' },
    rules: [{ to: [{ operation: { paths: ['/private/*'] } }] }],
  });
  const asking = (opa: ExternalAuthorizer, more: Partial<AuthorizerOptions> = {}) =>
    guarded({ policies: [custom], providers: { opa }, ...more }).pipeline;
  const private_ = { url: '/private/x' };

  test('is asked only where a rule matches', async () => {
    let asked = 0;
    const pipeline = asking({
      check: async () => {
        asked += 1;
        return { allowed: true, requestHeaders: ['x-user', 'ada'] };
      },
    });
    expect(await verdictOf(pipeline, {}, { url: '/open' })).toBe(200);
    expect(asked).toBe(0);
    const request = requestOf({ 'x-user': 'root' }, private_);
    expect(await pipeline.handle(pipeline.begin(request))).toEqual({ kind: 'proceed' });
    expect(request.headers['x-user']).toBe('ada');
    expect(asked).toBe(1);
  });
  test('one that allows does not get around a DENY', async () => {
    const opa: ExternalAuthorizer = { check: async () => ({ allowed: true, requestHeaders: [] }) };
    expect(await verdictOf(asking(opa, { policies: [custom, deny({})] }), {}, private_)).toBe(403);
  });
  test('one that denies answers with its status and headers', async () => {
    const pipeline = asking({
      check: async () => ({ allowed: false, status: 302, headers: ['location', '/login'] }),
    });
    const verdict = await pipeline.handle(pipeline.begin(requestOf({}, private_)));
    expect(verdict).toMatchObject({ status: 302, headers: ['location', '/login'], flag: 'UAEX' });
  });
  test('one that fails, or is not there, refuses', async () => {
    const { logger, lines } = recordingLogger();
    const failing: ExternalAuthorizer = {
      check: async () => {
        throw new Error('boom');
      },
    };
    expect(await verdictOf(asking(failing, { logger }), {}, private_)).toBe(403);
    expect(await verdictOf(guarded({ policies: [custom], logger }).pipeline, {}, private_)).toBe(
      403,
    );
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });
});

describe('the HTTP authorizer', () => {
  const ask = async (
    options: Partial<Parameters<typeof httpAuthorizer>[0]>,
    url: string,
    headers = {},
  ) => {
    const authorizer = httpAuthorizer({ url, ...options });
    cleanups.push(() => authorizer.close?.());
    const request = requestOf(headers, { method: 'PUT', url: '/private/x?q=1' });
    return authorizer.check(request, createPipeline().begin(request));
  };
  test('asks with method, path, query and the chosen headers', async () => {
    const service = await startUpstream(
      (_request, response) =>
        void response.writeHead(200, { 'x-user': 'ada', 'x-more': '1' }).end(),
    );
    cleanups.push(() => service.close());
    const verdict = await ask(
      { headersToHandlerOnAllow: ['x-user'], includeRequestHeaders: ['x-tenant'] },
      `${service.url}/check/`,
      {
        'x-tenant': 'blue',
        authorization: 'secret',
        host: 'shop',
      },
    );
    expect(verdict).toEqual({ allowed: true, requestHeaders: ['x-user', 'ada'] });
    expect(service.lastRequest).toMatchObject({ method: 'PUT', url: '/check/private/x?q=1' });
    expect(service.lastRequest?.headers).toMatchObject({
      'x-tenant': 'blue',
      'x-forwarded-host': 'shop',
    });
    expect(service.lastRequest?.headers.authorization).toBeUndefined();
  });
  test.each([
    [401, 401],
    [302, 302],
    [503, 503],
    [201, 403],
    [204, 403],
  ])('an answer of %i refuses with %i', async (answered, status) => {
    const service = await startUpstream(
      (_request, response) => void response.writeHead(answered, { location: '/login' }).end(),
    );
    cleanups.push(() => service.close());
    expect(await ask({}, service.url)).toEqual({
      allowed: false,
      status,
      headers: ['location', '/login'],
    });
  });
  test('refuses when it is silent or away, unless it is told to fail open', async () => {
    const service = await startUpstream({ fault: { kind: 'silent' } });
    cleanups.push(() => service.close());
    expect(await ask({ timeoutMs: 50 }, service.url)).toEqual({
      allowed: false,
      status: 403,
      headers: [],
    });
    expect(await ask({ timeoutMs: 50, failOpen: true }, service.url)).toEqual({
      allowed: true,
      requestHeaders: [],
    });
    await service.close();
    expect(await ask({ statusOnError: 503 }, service.url)).toMatchObject({
      allowed: false,
      status: 503,
    });
  });
  test.each(['file:///x', 'nonsense'])('%s is no URL of a service', (url) => {
    expect(() => httpAuthorizer({ url })).toThrow(/url must be an http or https URL/);
  });
});

describe('guards in Express', () => {
  const key = rsaKey('k');
  const issuers = [{ issuer, audiences: [audience], jwks: keySet(key.jwk) }];
  const bearer = (claims: object) => ({
    headers: { authorization: `Bearer ${mint(key, { payload: { ...goodClaims(), ...claims } })}` },
  });
  const serve = async (app: express.Express, mesh = false): Promise<string> => {
    const server = createServer(app);
    if (mesh) attach(server, createPipeline());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const editor = { when: [{ key: 'request.auth.claims[scope]', values: ['write'] }] };

  test.each([false, true])('authorize asks for a rule; under a mesh: %s', async (mesh) => {
    const authentication = authenticate({ issuers });
    cleanups.push(() => authentication.close());
    const app = express();
    app.use(authentication);
    app.put(
      '/articles/:id',
      authorize(editor),
      (request, response) => void response.json(request.identity?.principal),
    );
    const url = await serve(app, mesh);
    const put = (options: object) => send(`${url}/articles/7`, { method: 'PUT', ...options });
    expect((await put({})).status).toBe(401);
    expect((await put(bearer({ scope: 'read' }))).status).toBe(403);
    expect(await put(bearer({ scope: 'read write' }))).toMatchObject({
      status: 200,
      text: `"${issuer}/ada"`,
    });
    expect((await put({ headers: { authorization: 'Bearer bad' } })).status).toBe(401);
  });

  test.each([false, true])(
    "policies decide about the route's own pattern, however the path is written; under a mesh: %s",
    async (mesh) => {
      const authorizer = createAuthorizer({
        ...scope,
        policies: [allow({ to: [{ operation: { paths: ['/api/users/{*}'] } }] })],
      });
      const app = express();
      const authentication = authenticate({ issuers });
      cleanups.push(() => authentication.close());
      app.use(authentication);
      const router = express.Router();
      router.get(
        '/users/:id',
        authorize(authorizer),
        (_request, response) => void response.send('user'),
      );
      router.get(
        '/admins/:id',
        authorize(authorizer),
        (_request, response) => void response.send('admin'),
      );
      app.use('/api', router);
      app.use('/all', authorize(authorizer));
      const url = await serve(app, mesh);
      expect((await send(`${url}/api/users/7`, bearer({}))).text).toBe('user');
      expect((await send(`${url}/api/USERS/7/`, bearer({}))).text).toBe('user');
      expect((await send(`${url}/api/admins/7`, bearer({}))).status).toBe(403);
      expect((await send(`${url}/all/x`, bearer({}))).status).toBe(500);
    },
  );

  test('a guard outside of any mesh refuses: nobody has found out who is calling', async () => {
    const app = express();
    app.get('/', requireRole('admin'), (_request, response) => void response.send('secret'));
    const answer = await send(await serve(app));
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret');
  });

  test('roles may be bound to other claims; unknown ones and empty guards do not start', async () => {
    const roles = [
      { name: 'editor', grants: [], members: [{ claim: 'realm_access.roles', values: ['ed'] }] },
    ];
    const authentication = authenticate({ issuers, logger: silentLogger });
    cleanups.push(() => authentication.close());
    const app = express();
    app.use(authentication);
    app.get(
      '/',
      requireRole('editor', { roles }),
      (_request, response) => void response.send('ok'),
    );
    const url = await serve(app);
    expect((await send(url, bearer({ realm_access: { roles: ['ed'] } }))).status).toBe(200);
    expect((await send(url, bearer({ roles: ['editor'] }))).status).toBe(403);
    expect(() => requireRole('nobody', { roles })).toThrow(/"nobody" is not one of editor/);
    expect(() => authorize([])).toThrow(/needs rules that can match/);
    expect(() => authorize({ when: [{ key: 'no.such', values: ['x'] }] })).toThrow(
      /has no meaning here/,
    );
  });
});
