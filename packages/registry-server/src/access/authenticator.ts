import type { Socket } from 'node:net';
import { MeshError } from '@inmesh/core';
import type { Peer } from '@inmesh/identity';
import type { TokenBook } from '../tokens/token-book.ts';
import type { Authenticate } from './enforce-access.ts';
import type { Logins } from './logins.ts';
import { nobody, type Principal } from './principal.ts';

export interface AuthenticatorOptions {
  readonly trustDomain: string;
  /** Who is proven at the other end of a connection. */
  readonly peerOf: (socket: Socket) => Peer | undefined;
  readonly tokens: TokenBook;
  readonly logins: Logins;
}

/**
 * Finds out who asks: by a bearer token, a browser's session, or the client certificate of the
 * connection, the first that is shown. One that does not hold is refused, not passed over: who shows
 * an expired token should hear of it, and not be taken for nobody.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticate {
  const { trustDomain, peerOf, tokens, logins } = options;
  return (request) => {
    const { authorization } = request.headers;
    if (authorization !== undefined) return bearerOf(authorization, tokens);
    const login = logins.find(request);
    if (login !== undefined) return login.principal;
    const peer = peerOf(request.socket);
    return peer === undefined ? nobody : workloadOf(peer, trustDomain);
  };
}

function bearerOf(authorization: string, tokens: TokenBook): Principal {
  const token = tokenIn(authorization);
  if (token === undefined) {
    throw new MeshError(
      'unauthenticated',
      'registry: Authorization must be "Bearer <token>", or Basic with the token as password',
    );
  }
  const { kind, name } = tokens.verify(token, ['reader', 'operator']);
  return kind === 'operator' ? { kind, name } : { kind: 'reader', name };
}

/** As the password of Basic, too: that is all that Eureka's clients and peers can send, from their URL. */
function tokenIn(authorization: string): string | undefined {
  const [, scheme = '', value = ''] = /^(Bearer|Basic) ([!-~]+)$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== 'basic') return value === '' ? undefined : value;
  const [, password] = /^[^:]*:([!-~]+)$/.exec(Buffer.from(value, 'base64').toString()) ?? [];
  return password;
}

function workloadOf({ identity, serial }: Peer, trustDomain: string): Principal {
  if (identity.trustDomain === trustDomain && identity.serviceAccount !== '') {
    return { kind: 'service', identity, serial };
  }
  throw new MeshError(
    'unauthenticated',
    `registry: ${identity.spiffeId} is no workload of ${trustDomain}`,
  );
}
