import { createAuthorizer, serviceTokens } from '@inmesh/auth';
import { createPipeline } from '@inmesh/inbound';
import { expect, test } from '@jest/globals';
import { allow, peer, scope } from './policies.ts';
import { ecKey, goodClaims, issuer, keySet, mint } from './token-maker.ts';
import { requestOf, verdictOf } from './verdict-of.ts';

const key = ecKey('registry');
const sub = 'spiffe://cluster.local/ns/shop/sa/orders';
const token = (claims: object = {}) =>
  mint(key, { payload: { ...goodClaims(), aud: 'ratings.default', sub, ...claims } });
const step = () =>
  serviceTokens({ issuer: { issuer, audiences: ['ratings.default'], jwks: keySet(key.jwk) } });
const onlyOrders = createAuthorizer({
  ...scope,
  policies: [allow({ from: [{ source: { serviceAccounts: ['shop/orders'] } }] })],
});
const pipeline = createPipeline({ authentication: [step()], authorization: [onlyOrders.step] });
const ask = (value: string | string[]) => verdictOf(pipeline, { 'inmesh-service-token': value });

test('a service token proves the calling workload, and is taken out of the request', async () => {
  const request = requestOf({ 'inmesh-service-token': token() });
  const exchange = pipeline.begin(request);
  expect(await pipeline.handle(exchange)).toEqual({ kind: 'proceed' });
  expect(exchange.context.identity).toMatchObject({
    peer: peer('shop', 'orders'),
    peerVerified: true,
  });
  expect(request.headers).toEqual({});
});

test('without one the caller is unknown', async () => {
  expect(await verdictOf(pipeline, {})).toBe(403);
});

test.each([
  ['for another service', { aud: 'reviews.default' }, 403],
  ['that has expired', { exp: 1 }, 401],
  ['that never expires', { exp: undefined }, 401],
  ['of an end user', { sub: 'ada' }, 401],
  ['of another trust domain', { sub: 'spiffe://evil.org/ns/shop/sa/orders' }, 401],
  ['of an ID with a wildcard', { sub: 'spiffe://cluster.local/ns/*/sa/orders' }, 401],
  ['of an ID with more behind it', { sub: `${sub}/x` }, 401],
  ['of another workload', { sub: 'spiffe://cluster.local/ns/shop/sa/other' }, 403],
])('a token %s is refused', async (_case, claims, status) => {
  expect(await ask(token(claims))).toBe(status);
});

test('two of them are refused', async () => {
  expect(await ask([token(), token()])).toBe(401);
});

test('one of another workload than the certificate is refused', async () => {
  const withCertificate = (account: string) =>
    createPipeline({
      authentication: [step()],
      peers: { peerOf: () => ({ service: '', version: '', identity: peer('shop', account) }) },
    });
  const headers = { 'inmesh-service-token': token() };
  expect(await verdictOf(withCertificate('other'), headers)).toBe(401);
  expect(await verdictOf(withCertificate('orders'), headers)).toBe(200);
});

test('service tokens without an audience of this service do not start', () => {
  expect(() => serviceTokens({ issuer: { issuer, audiences: [], jwks: keySet(key.jwk) } })).toThrow(
    /audiences/,
  );
});
