import { type Identity, meshHeaders } from '@inmesh/core';
import {
  type Exchange,
  type InboundRequest,
  type InboundStep,
  refuse,
  type StepResult,
} from '@inmesh/inbound';
import type { TokenOptions } from './authentication-options.ts';
import { removeHeader } from './edit-headers.ts';
import type { IssuerOptions } from './issuer.ts';
import { createIssuerVerifier } from './issuer-verifier.ts';
import { refuseToken } from './refuse-token.ts';
import { invalidToken } from './token-failure.ts';
import { type TokenLocation, tokenAt } from './token-location.ts';
import type { TokenResult } from './token-verifier.ts';

export interface ServiceTokensOptions extends TokenOptions {
  /** Who issues them: the registry. `audiences` are this service's own names. */
  readonly issuer: Omit<IssuerOptions, 'locations' | 'forwardToken' | 'expiry' | 'audiences'> & {
    readonly audiences: readonly string[];
  };
  /** The only one that the issuer may speak for. @default 'cluster.local' */
  readonly trustDomain?: string;
}

const location: TokenLocation = { kind: 'header', name: meshHeaders.serviceToken, prefix: '' };

/**
 * A step that learns the calling workload from a service token, where TLS ends before us. Its `sub`
 * is the workload's SPIFFE ID. No token changes nothing; a bad one refuses the request, and so does
 * one of another workload than the client certificate's. Throws `invalid_argument`.
 */
export function serviceTokens(options: ServiceTokensOptions): InboundStep {
  const { issuer, trustDomain = 'cluster.local' } = options;
  const verifier = createIssuerVerifier(issuer, options);

  const adopt = (result: TokenResult, request: InboundRequest, exchange: Exchange): StepResult => {
    if (result.kind !== 'verified') return refuseToken(result);
    const peer = workloadOf(result.claims.sub);
    if (peer?.trustDomain !== trustDomain) {
      return refuseToken(invalidToken(`it names no workload of ${trustDomain}`));
    }
    const { context } = exchange;
    const known = context.identity?.peerVerified === true ? context.identity.peer : undefined;
    if (known !== undefined && known.spiffeId !== peer.spiffeId) {
      return refuse(401, 'unauthenticated', 'certificate and service token are of two workloads');
    }
    removeHeader(request, meshHeaders.serviceToken);
    context.identity = {
      peer,
      peerVerified: true,
      principal: context.identity?.principal,
      claims: context.identity?.claims ?? noClaims,
    };
    return undefined;
  };

  return {
    name: 'service-token',
    run(request, exchange) {
      const found = tokenAt(location, request, exchange);
      if (found === undefined) return undefined;
      if (found === 'repeated')
        return refuseToken(invalidToken('there are several service tokens'));
      const result = verifier.verify(found.token);
      return result instanceof Promise
        ? result.then((late) => adopt(late, request, exchange))
        : adopt(result, request, exchange);
    },
    close: () => verifier.close(),
  };
}

const noClaims: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));

const workloadId =
  /^spiffe:\/\/([a-z0-9._-]{1,255})\/ns\/([a-z0-9-]{1,63})\/sa\/([a-zA-Z0-9._-]{1,253})$/;

function workloadOf(subject: unknown): Identity | undefined {
  const match = typeof subject === 'string' ? workloadId.exec(subject) : null;
  if (match === null) return undefined;
  const [spiffeId, trustDomain, namespace, serviceAccount] = match as unknown as string[];
  return { spiffeId, trustDomain, namespace, serviceAccount } as Identity;
}
