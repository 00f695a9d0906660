import {
  type CredentialSource,
  type Endpoint,
  MeshError,
  type MinTls,
  type ServiceName,
  splitServiceName,
  type UpstreamTlsPolicy,
} from '@inmesh/core';
import { type ConnectSecurity, plainText } from './connect-security.ts';

export interface UpstreamSecurityOptions {
  readonly credentials: CredentialSource | undefined;
  readonly minTls: (service: ServiceName) => MinTls;
}

/**
 * How to connect to `endpoint`, or why not at all.
 * @param tls What a DestinationRule says; `undefined` leaves it to what the endpoint can.
 * @param secureHost The URL's host where its scheme is `https`.
 */
export type UpstreamSecurity = (
  endpoint: Endpoint,
  tls: UpstreamTlsPolicy | undefined,
  secureHost: string | undefined,
) => ConnectSecurity | MeshError;

/**
 * Auto-mTLS: mutual TLS wherever we have an identity and the endpoint's registration offers it. Who
 * must be at the other end is its service account, never its address or DNS name. Nothing falls
 * back to plain text: an endpoint below the floor is not called, and neither is one that takes
 * nothing but mutual TLS while we have no identity.
 */
export function createUpstreamSecurity(options: UpstreamSecurityOptions): UpstreamSecurity {
  const { credentials, minTls } = options;
  const identified = credentials?.connectOptions !== undefined;
  /** Endpoints are immutable, so each is looked at once. */
  const byEndpoint = new WeakMap<Endpoint, ConnectSecurity>();

  const mutual = (endpoint: Endpoint): ConnectSecurity | MeshError => {
    const known = byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    const trustDomain = credentials?.tls()?.identity.trustDomain;
    if (trustDomain === undefined)
      return refusal('there is no identity yet to prove ourselves with');
    const { namespace } = splitServiceName(endpoint.service);
    const identity = `spiffe://${trustDomain}/ns/${namespace}/sa/${endpoint.serviceAccount}`;
    const security = mutualTls([identity]);
    byEndpoint.set(endpoint, security);
    return security;
  };
  const byPolicy = (
    endpoint: Endpoint,
    tls: UpstreamTlsPolicy,
    secureHost: string | undefined,
  ): ConnectSecurity | MeshError => {
    if (tls.mode === 'mesh') {
      if (!identified)
        return refusal('a DestinationRule asks for mutual TLS and we have no identity');
      const named = tls.subjectAltNames?.filter((name) => name.startsWith('spiffe://')) ?? [];
      return named.length === 0 ? mutual(endpoint) : mutualTls(named);
    }
    if (minTls(endpoint.service) === 'mutual') {
      return refusal(`minTls asks for mutual TLS and a DestinationRule for ${tls.mode}`);
    }
    if (tls.mode === 'disable') return secureHost === undefined ? plainText : server(secureHost);
    // Outside the mesh the service is the host itself.
    const serverName = tls.sni ?? secureHost ?? endpoint.service;
    return { kind: 'policy', key: `${serverName} ${JSON.stringify(tls)}`, serverName, policy: tls };
  };
  return (endpoint, tls, secureHost) => {
    if (tls !== undefined) return byPolicy(endpoint, tls, secureHost);
    if (endpoint.tls !== 'none') {
      if (identified) return mutual(endpoint);
      if (endpoint.tls === 'strict')
        return refusal('it takes mutual TLS only and we have no identity');
    }
    if (minTls(endpoint.service) === 'mutual') {
      return refusal('minTls asks for mutual TLS, which its registration does not offer');
    }
    return secureHost === undefined ? plainText : server(secureHost);
  };
}

function mutualTls(identities: readonly string[]): ConnectSecurity {
  return { kind: 'mutual', key: identities.join(' '), identities };
}

function server(serverName: string): ConnectSecurity {
  return { kind: 'server', key: serverName, serverName };
}

function refusal(reason: string): MeshError {
  return new MeshError('unauthenticated', reason, { maybeProcessed: false });
}
