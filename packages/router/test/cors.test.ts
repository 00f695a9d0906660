import type { CorsPolicy } from '@inmesh/config';
import { type CorsDecision, corsDecision } from '@inmesh/router';
import { expect, test } from '@jest/globals';
import { compiled, request, to, virtualService } from './fixtures.ts';

function decide(corsPolicy: CorsPolicy, headers: string[], method = 'GET'): CorsDecision {
  const router = compiled([virtualService({ http: [{ corsPolicy, route: [to()] }] })]);
  const cors = router.inbound.cors(request({ method, headers }));
  if (cors === undefined) throw new Error('the route has a policy');
  return corsDecision(cors, { method, headers });
}
const origin = ['origin', 'https://shop.test'];
const preflight = [...origin, 'access-control-request-method', 'PUT'];
const allowOrigins = [{ exact: 'https://shop.test' }];

test('allowOrigins: exact, prefix and regex', () => {
  for (const match of [
    { exact: 'https://shop.test' },
    { prefix: 'https://shop' },
    { regex: 'https://.*\\.test' },
  ]) {
    expect(decide({ allowOrigins: [match] }, origin)).toEqual({
      kind: 'allow',
      headers: ['access-control-allow-origin', 'https://shop.test', 'vary', 'origin'],
    });
  }
  expect(decide({ allowOrigins: [{ exact: 'https://other' }] }, origin)).toEqual({
    kind: 'proceed',
  });
});

test('a request without an origin is no cross-origin request', () => {
  expect(decide({ allowOrigins }, [])).toEqual({ kind: 'proceed' });
});

test('a preflight is answered with allowMethods, allowHeaders, maxAge and allowCredentials', () => {
  const policy = {
    allowOrigins,
    allowMethods: ['GET', 'PUT'],
    allowHeaders: ['x-a'],
    maxAge: '24h',
    allowCredentials: true,
  };
  expect(decide(policy, preflight, 'OPTIONS')).toEqual({
    kind: 'answer',
    status: 200,
    headers: [
      'access-control-allow-origin',
      'https://shop.test',
      'access-control-allow-credentials',
      'true',
      'vary',
      'origin',
      'access-control-allow-methods',
      'GET,PUT',
      'access-control-allow-headers',
      'x-a',
      'access-control-max-age',
      '86400',
    ],
  });
});

test('exposeHeaders come with the response itself', () => {
  const { headers } = decide({ allowOrigins, exposeHeaders: ['x-a', 'x-b'] }, origin) as {
    headers: readonly string[];
  };
  expect(headers.slice(-2)).toEqual(['access-control-expose-headers', 'x-a,x-b']);
});

test('unmatchedPreflights: forwarded by default, answered bare with IGNORE', () => {
  const foreign = ['origin', 'https://evil.test', 'access-control-request-method', 'PUT'];
  expect(decide({ allowOrigins }, foreign, 'OPTIONS')).toEqual({ kind: 'proceed' });
  expect(decide({ allowOrigins, unmatchedPreflights: 'IGNORE' }, foreign, 'OPTIONS')).toEqual({
    kind: 'answer',
    status: 200,
    headers: ['vary', 'origin'],
  });
});

test('the origin * is never allowed together with credentials, and that is reported', () => {
  const corsPolicy = { allowOrigins: [{ exact: '*' }], allowCredentials: true };
  expect(decide(corsPolicy, origin)).toEqual({
    kind: 'allow',
    headers: ['access-control-allow-origin', '*'],
  });
  const router = compiled([virtualService({ http: [{ corsPolicy, route: [to()] }] })]);
  expect(router.problems[0]?.message).toContain('credentials');
});

test('a value that would end a header early is refused', () => {
  expect(() => decide({ allowOrigins, allowMethods: ['GET\r\nx: y'] }, origin)).toThrow(
    expect.objectContaining({ code: 'invalid_resource' }),
  );
});

test('the policy is that of the route the request takes; selectors of callers leave a match out', () => {
  const router = compiled([
    virtualService({
      http: [
        {
          match: [{ sourceNamespace: 'default' }],
          corsPolicy: { allowOrigins: [{ exact: 'https://a' }] },
          route: [to()],
        },
        {
          match: [{ uri: { prefix: '/b' } }],
          corsPolicy: { allowOrigins: [{ exact: 'https://b' }] },
          route: [to()],
        },
        { route: [to()] },
      ],
    }),
  ]);
  const cors = router.inbound.cors(request({ path: '/b' }));
  expect(cors && corsDecision(cors, { method: 'GET', headers: ['origin', 'https://b'] }).kind).toBe(
    'allow',
  );
  expect(router.inbound.cors(request())).toBeUndefined();
});
