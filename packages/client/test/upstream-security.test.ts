import type { CredentialSource, Endpoint, TlsCredential, UpstreamTlsPolicy } from '@inmesh/core';
import { staticEndpoint } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import { createUpstreamSecurity } from '../src/transport/upstream-security.ts';
import { clientOf, upstream } from './client-fixture.ts';

const reviews = 'spiffe://cluster.local/ns/prod/sa/reviews';

function endpoint(tls: Endpoint['tls']): Endpoint {
  return staticEndpoint('reviews.prod', { port: 9080, serviceAccount: 'reviews', tls });
}

/** An identity as far as deciding how to connect goes. */
function credentials(known = true): CredentialSource {
  const credential = { identity: { trustDomain: 'cluster.local' } } as TlsCredential;
  return {
    tls: () => (known ? credential : undefined),
    token: () => undefined,
    connectOptions: () => ({}),
  };
}

function decide(
  tls: Endpoint['tls'],
  options: {
    readonly credentials?: CredentialSource;
    readonly minTls?: 'none' | 'mutual';
    readonly policy?: UpstreamTlsPolicy;
    readonly secureHost?: string;
  } = {},
): unknown {
  const { minTls = 'none', policy, secureHost } = options;
  const security = createUpstreamSecurity({
    credentials: options.credentials,
    minTls: () => minTls,
  })(endpoint(tls), policy, secureHost);
  return security instanceof Error ? security.message : security;
}

const plain = { kind: 'plain', key: '' };
const mutual = { kind: 'mutual', key: reviews, identities: [reviews] };

describe('where no resource speaks', () => {
  test('an endpoint that offers mutual TLS gets it, and must be its service account', () => {
    expect(decide('permissive', { credentials: credentials() })).toEqual(mutual);
    expect(decide('strict', { credentials: credentials() })).toEqual(mutual);
  });

  test('whoever has no identity speaks plain text where that is taken, and nowhere else', () => {
    expect(decide('none')).toEqual(plain);
    expect(decide('permissive')).toEqual(plain);
    expect(decide('strict')).toMatch(/takes mutual TLS only and we have no identity/);
  });

  test('an identity that is yet to come is waited for by failing, not by plain text', () => {
    expect(decide('permissive', { credentials: credentials(false) })).toMatch(/no identity yet/);
  });

  test('an https URL of an endpoint without mutual TLS is TLS against the public roots', () => {
    expect(decide('none', { credentials: credentials(), secureHost: 'reviews' })).toEqual({
      kind: 'server',
      key: 'reviews',
      serverName: 'reviews',
    });
  });
});

describe('minTls: mutual', () => {
  const floor = { credentials: credentials(), minTls: 'mutual' } as const;

  test('a registration that was downgraded is not called', () => {
    expect(decide('none', floor)).toMatch(/minTls asks for mutual TLS/);
    expect(decide('permissive', floor)).toEqual(mutual);
  });

  test('no DestinationRule gets below it', () => {
    expect(decide('permissive', { ...floor, policy: { mode: 'disable' } })).toMatch(/minTls/);
    expect(decide('permissive', { ...floor, policy: { mode: 'simple' } })).toMatch(/minTls/);
  });

  test('the call fails with unauthenticated, and nothing was sent', async () => {
    let requests = 0;
    const server = await upstream((_request, response) => {
      requests += 1;
      response.end();
    });
    const client = clientOf([server], { minTls: 'mutual', retry: { maxRetries: 0 } });
    await expect(client.request('http://reviews/')).rejects.toMatchObject({
      code: 'unauthenticated',
      maybeProcessed: false,
    });
    expect(requests).toBe(0);
  });
});

describe('a DestinationRule', () => {
  test('ISTIO_MUTUAL holds whatever the registration says', () => {
    const policy: UpstreamTlsPolicy = { mode: 'mesh' };
    expect(decide('none', { credentials: credentials(), policy })).toEqual(mutual);
    expect(decide('permissive', { policy })).toMatch(/no identity/);
  });

  test('with names in a ServiceEntry, one of them must be at the other end', () => {
    const names = ['spiffe://cluster.local/ns/prod/sa/other'];
    const policy: UpstreamTlsPolicy = { mode: 'mesh', subjectAltNames: names };
    expect(decide('strict', { credentials: credentials(), policy })).toMatchObject({
      identities: names,
    });
  });

  test('SIMPLE takes the whole host where the rule gives no name', () => {
    const policy: UpstreamTlsPolicy = { mode: 'simple' };
    expect(decide('none', { policy })).toMatchObject({ serverName: 'reviews.prod' });
    expect(decide('none', { policy, secureHost: 'reviews' })).toMatchObject({
      serverName: 'reviews',
    });
  });

  test('DISABLE speaks plain text, SIMPLE takes the name that it gives', () => {
    const given = { credentials: credentials() };
    expect(decide('permissive', { ...given, policy: { mode: 'disable' } })).toEqual(plain);
    const policy: UpstreamTlsPolicy = { mode: 'simple', sni: 'api.example.com' };
    expect(decide('none', { ...given, policy })).toMatchObject({
      kind: 'policy',
      serverName: 'api.example.com',
    });
  });
});
