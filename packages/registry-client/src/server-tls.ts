import type { ConnectionOptions, PeerCertificate } from 'node:tls';
import { type CredentialSource, MeshError, registryIdentity } from '@inmesh/core';
import { buildConnector } from 'undici';

/** How connections to a registry server are made. */
export type Connector = buildConnector.connector;

export interface ConnectorOptions {
  /** Asked for every connection: certificates change. */
  readonly tls: () => ConnectionOptions;
  readonly timeoutMs: number;
  /** Else a socket that still connects outlives its client, and holds the process. */
  readonly signal: AbortSignal;
}

export function createConnector({ tls, timeoutMs, signal }: ConnectorOptions): Connector {
  return (options, done) => {
    let own: ConnectionOptions;
    try {
      own = options.protocol === 'https:' ? tls() : {};
    } catch (error) {
      done(error as Error, null);
      return;
    }
    const connect = buildConnector({
      ...(own as buildConnector.BuildOptions),
      timeout: timeoutMs,
      // Resumed TLS sessions skip the check of the server's name.
      maxCachedSessions: 0,
      signal,
    } as buildConnector.BuildOptions);
    connect(options, done);
  };
}

/**
 * To prove ourselves to the registry of our own trust domain, and to speak to nobody else. Throws
 * `registry_unavailable` while there is no identity.
 */
export function mutualTls(credentials: CredentialSource): ConnectionOptions {
  const trustDomain = credentials.tls()?.identity.trustDomain;
  const options =
    trustDomain === undefined
      ? undefined
      : credentials.connectOptions?.([registryIdentity(trustDomain)]);
  if (options !== undefined) return options;
  throw new MeshError('registry_unavailable', 'this process has no certificate yet', {
    maybeProcessed: false,
  });
}

/** To speak to nobody but the registry of `trustDomain`, by roots that are known, showing nothing ourselves. */
export function serverTls(roots: readonly string[], trustDomain: string): ConnectionOptions {
  const expected = registryIdentity(trustDomain);
  return {
    ca: [...roots],
    minVersion: 'TLSv1.3',
    checkServerIdentity: (_host, certificate) => identityFault(certificate, expected),
  };
}

/** DNS names do not count: the path to the root is checked already, and the SPIFFE ID says who it is. */
function identityFault({ subjectaltname }: PeerCertificate, expected: string): Error | undefined {
  const names = (subjectaltname ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  // Node quotes names with commas or quotes in them: none of ours has any.
  if (!subjectaltname?.includes('"') && names.length === 1 && names[0] === `URI:${expected}`) {
    return undefined;
  }
  return new MeshError('unauthenticated', `the server is not ${expected}`, {
    maybeProcessed: false,
  });
}
