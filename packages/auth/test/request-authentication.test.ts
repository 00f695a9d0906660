import { createRequestAuthenticator, type RequestAuthenticator } from '@inmesh/auth';
import { defineResource, type JwtRule, type RequestAuthentication } from '@inmesh/config';
import type { RequestIdentity } from '@inmesh/core';
import { createPipeline, type InboundRequest, type Pipeline } from '@inmesh/inbound';
import { afterEach, describe, expect, test } from '@jest/globals';
import { workload } from './policies.ts';
import { audience, ecKey, goodClaims, issuer, keySet, mint, rsaKey } from './token-maker.ts';
import { requestOf } from './verdict-of.ts';

const key = rsaKey('k');
const otherKey = ecKey('o');
const otherIssuer = 'https://other.example.com';
const jwks = keySet(key.jwk);
const good = mint(key);
const other = mint(otherKey, { payload: { ...goodClaims(), iss: otherIssuer, sub: 'bob' } });

const pipelines: Pipeline[] = [];
afterEach(() => {
  for (const pipeline of pipelines.splice(0)) pipeline.close();
});

function resource(
  rules: readonly JwtRule[],
  metadata: {
    readonly name?: string;
    readonly namespace?: string;
    readonly annotations?: Record<string, string>;
  } = {},
): RequestAuthentication {
  return defineResource({
    kind: 'RequestAuthentication',
    metadata: { name: 'jwt', ...metadata },
    spec: { jwtRules: rules },
  });
}

function running(...resources: RequestAuthentication[]): {
  authenticator: RequestAuthenticator;
  pipeline: Pipeline;
} {
  const authenticator = createRequestAuthenticator({ workload });
  authenticator.update(resources);
  const pipeline = createPipeline({ authentication: [authenticator.step] });
  pipelines.push(pipeline);
  return { authenticator, pipeline };
}

interface Asked {
  readonly status: number;
  readonly identity: RequestIdentity | undefined;
  readonly request: InboundRequest;
}

async function ask(
  pipeline: Pipeline,
  headers: Record<string, string | string[]>,
  line: { method?: string; url?: string } = {},
): Promise<Asked> {
  const request = requestOf(headers, line);
  const exchange = pipeline.begin(request);
  const verdict = await pipeline.handle(exchange);
  const status = verdict.kind === 'proceed' ? 200 : verdict.status;
  return { status, identity: exchange.context.identity, request };
}

const rule = (more: Partial<JwtRule> = {}): JwtRule => ({
  issuer,
  audiences: [audience],
  jwks,
  ...more,
});
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('several rules', () => {
  const { pipeline } = running(
    resource([rule()]),
    resource(
      [
        {
          issuer: otherIssuer,
          audiences: [audience],
          jwks: keySet(otherKey.jwk),
          fromHeaders: [{ name: 'x-other' }],
        },
      ],
      { name: 'second' },
    ),
  );
  test('a token that one of them accepts passes', async () => {
    expect(await ask(pipeline, bearer(good))).toMatchObject({
      status: 200,
      identity: { principal: `${issuer}/ada` },
    });
    expect(await ask(pipeline, { 'x-other': other })).toMatchObject({
      identity: { principal: `${otherIssuer}/bob` },
    });
  });
  test('a token in the place of another rule is refused', async () => {
    expect((await ask(pipeline, bearer(other))).status).toBe(401);
    expect((await ask(pipeline, { 'x-other': good })).status).toBe(401);
  });
  test('one good token is enough beside a bad one, as in Istio', async () => {
    expect((await ask(pipeline, { ...bearer(good), 'x-other': 'bad' })).status).toBe(200);
  });
  test('two good tokens of different users are refused: whose request is it?', async () => {
    expect((await ask(pipeline, { ...bearer(good), 'x-other': other })).status).toBe(401);
  });
  test('the same token under two rules passes by the audience of either', async () => {
    const { pipeline: two } = running(
      resource([rule({ audiences: ['a'] }), rule({ audiences: [audience] })]),
    );
    expect((await ask(two, bearer(good))).status).toBe(200);
  });
});

describe('where tokens are', () => {
  test('named places replace the default ones', async () => {
    const { pipeline } = running(
      resource([
        rule({
          fromHeaders: [{ name: 'X-Token', prefix: 'JWT ' }],
          fromParams: ['t'],
          fromCookies: ['session'],
        }),
      ]),
    );
    expect((await ask(pipeline, { 'x-token': `JWT ${good}` })).identity?.principal).toBe(
      `${issuer}/ada`,
    );
    expect((await ask(pipeline, {}, { url: `/?a=1&t=${good}` })).identity?.principal).toBe(
      `${issuer}/ada`,
    );
    expect((await ask(pipeline, { cookie: `a=b; session=${good}; c=d` })).identity?.principal).toBe(
      `${issuer}/ada`,
    );
    expect((await ask(pipeline, { cookie: `session="${good}"` })).status).toBe(200);
    expect((await ask(pipeline, { cookie: `session=${good}; session=x` })).status).toBe(401);
    expect((await ask(pipeline, bearer('whatever'))).identity).toBeUndefined();
    expect((await ask(pipeline, { 'x-token': 'Basic x' })).status).toBe(200);
  });
  test('other schemes of Authorization are no token', async () => {
    const { pipeline } = running(resource([rule()]));
    expect((await ask(pipeline, { authorization: 'Basic YTpi' })).status).toBe(200);
    expect((await ask(pipeline, { authorization: 'Bearer ' })).status).toBe(401);
    expect((await ask(pipeline, { authorization: `bearer ${good}` })).identity?.principal).toBe(
      `${issuer}/ada`,
    );
  });
});

describe('what the handler sees', () => {
  test('the token is taken out, unless it is to be forwarded', async () => {
    const { request } = await ask(running(resource([rule()])).pipeline, {
      ...bearer(good),
      accept: '*',
    });
    expect(request.headers).toEqual({ accept: '*' });
    expect(request.rawHeaders).toEqual(['accept', '*']);
    const kept = await ask(
      running(resource([rule({ forwardOriginalToken: true })])).pipeline,
      bearer(good),
    );
    expect(kept.request.headers.authorization).toBe(`Bearer ${good}`);
  });
  test('payload and claims come in headers, and what a caller put there does not', async () => {
    const { pipeline } = running(
      resource([
        rule({
          outputPayloadToHeader: 'X-Payload',
          outputClaimToHeaders: [
            { header: 'X-Sub', claim: 'sub' },
            { header: 'X-Level', claim: 'a.level' },
            { header: 'X-List', claim: 'list' },
            { header: 'X-Broken', claim: 'broken' },
            { header: 'X-None', claim: 'none' },
          ],
        }),
      ]),
    );
    const forged = { 'x-sub': 'root', 'X-Payload': 'x', 'x-none': 'x', 'x-broken': 'x' };
    const claims = { ...goodClaims(), a: { level: 3 }, list: ['x'], broken: 'a\r\nx-admin: 1' };
    const { request } = await ask(pipeline, {
      ...forged,
      ...bearer(mint(key, { payload: claims })),
    });
    expect(
      JSON.parse(Buffer.from(request.headers['x-payload'] as string, 'base64url').toString()),
    ).toEqual(claims);
    expect(request.headers).toMatchObject({
      'x-sub': 'ada',
      'x-level': '3',
      'x-list': Buffer.from('["x"]').toString('base64url'),
    });
    expect(request.headers).not.toHaveProperty('x-broken');
    expect(request.headers).not.toHaveProperty('x-none');
    // Also where there is no token at all.
    expect((await ask(pipeline, forged)).request.headers).toEqual({});
  });
  test('scope, permission and the named claims are lists', async () => {
    const { pipeline } = running(resource([rule({ spaceDelimitedClaims: ['groups'] })]));
    const claims = { ...goodClaims(), scope: 'read  write', groups: 'a b', name: 'Ada L' };
    const { identity } = await ask(pipeline, bearer(mint(key, { payload: claims })));
    expect(identity?.claims).toMatchObject({
      scope: ['read', 'write'],
      groups: ['a', 'b'],
      name: 'Ada L',
    });
    expect(Object.isFrozen(identity?.claims.scope)).toBe(true);
  });
});

describe('strictness', () => {
  const never = mint(key, { payload: { ...goodClaims(), exp: undefined } });
  const nobodys = mint(key, { payload: { ...goodClaims(), aud: undefined } });
  test('a token for another audience is 403, one for none 401', async () => {
    const { pipeline } = running(resource([rule({ audiences: ['x'] })]));
    expect((await ask(pipeline, bearer(good))).status).toBe(403);
    expect((await ask(pipeline, bearer(nobodys))).status).toBe(401);
  });
  test('allow-missing-expiry takes tokens that never expire, and no others that are bad', async () => {
    expect((await ask(running(resource([rule()])).pipeline, bearer(never))).status).toBe(401);
    const { pipeline } = running(
      resource([rule()], { annotations: { 'inmesh.dev/allow-missing-expiry': 'true' } }),
    );
    expect((await ask(pipeline, bearer(never))).status).toBe(200);
    expect(
      (await ask(pipeline, bearer(mint(key, { payload: { ...goodClaims(), exp: 1 } })))).status,
    ).toBe(401);
  });
  test('allow-missing-audience takes tokens made for anybody', async () => {
    const { pipeline } = running(
      resource([{ issuer, jwks }], {
        annotations: { 'inmesh.dev/allow-missing-audience': 'true' },
      }),
    );
    expect((await ask(pipeline, bearer(good))).status).toBe(200);
    expect((await ask(pipeline, bearer(nobodys))).status).toBe(200);
  });
  test('a CORS preflight passes; an OPTIONS that is none does not pass with a bad token', async () => {
    const { pipeline } = running(resource([rule()]));
    const preflight = {
      origin: 'https://a',
      'access-control-request-method': 'PUT',
      ...bearer('bad'),
    };
    expect((await ask(pipeline, preflight, { method: 'OPTIONS' })).status).toBe(200);
    expect((await ask(pipeline, bearer('bad'), { method: 'OPTIONS' })).status).toBe(401);
    expect((await ask(pipeline, preflight, { method: 'PUT' })).status).toBe(401);
  });
});

describe('changing the configuration', () => {
  test('resources of other workloads do not apply', async () => {
    const { pipeline } = running(resource([rule()], { namespace: 'elsewhere' }));
    expect((await ask(pipeline, bearer('garbage'))).status).toBe(200);
  });
  test('the next request is decided by the new rules', async () => {
    const { authenticator, pipeline } = running(resource([rule()]));
    expect((await ask(pipeline, bearer(good))).status).toBe(200);
    authenticator.update([resource([rule({ jwks: keySet(otherKey.jwk) })])]);
    expect((await ask(pipeline, bearer(good))).status).toBe(401);
    authenticator.update([]);
    expect((await ask(pipeline, bearer(good))).identity).toBeUndefined();
  });
  test('a rule that cannot be right changes nothing', async () => {
    const { authenticator, pipeline } = running(resource([rule()]));
    const bad = resource([rule(), { issuer: 'no-url', audiences: ['a'] }]);
    expect(() => authenticator.update([bad])).toThrow(
      expect.objectContaining({ code: 'invalid_resource', path: '/spec/jwtRules/1' }),
    );
    expect((await ask(pipeline, bearer(good))).status).toBe(200);
  });
  test('after the end a bad token is still not taken for none', async () => {
    const { authenticator, pipeline } = running(resource([rule()]));
    authenticator.close();
    expect((await ask(pipeline, bearer('garbage'))).status).toBe(401);
  });
  test("a workload's proven identity stays beside the end user's", async () => {
    const authenticator = createRequestAuthenticator({ workload });
    authenticator.update([resource([rule()])]);
    const identity = {
      spiffeId: 'spiffe://a/ns/b/sa/c',
      trustDomain: 'a',
      namespace: 'b',
      serviceAccount: 'c',
    };
    const pipeline = createPipeline({
      authentication: [authenticator.step],
      peers: { peerOf: () => ({ service: '', version: '', identity }) },
    });
    const asked = await ask(pipeline, bearer(good));
    expect(asked.identity).toMatchObject({
      peer: identity,
      peerVerified: true,
      principal: `${issuer}/ada`,
    });
  });
});
