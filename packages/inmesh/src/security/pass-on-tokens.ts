import type { AttemptHook } from '@inmesh/client';
import { type CredentialSource, meshHeaders, type ServiceName } from '@inmesh/core';

export interface PassOnTokensOptions {
  /** Whether a service is outside the mesh: it gets neither kind of token. */
  readonly isOutside: (service: ServiceName) => boolean;
  /** Proves this workload where the connection does not; `undefined` sends none. */
  readonly serviceTokens: Pick<CredentialSource, 'token'> | undefined;
}

/**
 * What calls within the mesh carry on: the token of the user whom they are made for, where the
 * context has kept it and the caller has set no other, and a service token where TLS ends before
 * the endpoint.
 */
export function passOnTokens({ isOutside, serviceTokens }: PassOnTokensOptions): AttemptHook {
  return ({ endpoint, context }, headers) => {
    const userToken = context?.userToken;
    const asks = serviceTokens !== undefined && endpoint.tls === 'none';
    if ((userToken === undefined && !asks) || isOutside(endpoint.service)) return;
    if (userToken !== undefined && !hasHeader(headers, 'authorization')) {
      headers.push('authorization', `Bearer ${userToken}`);
    }
    if (!asks) return;
    const token = serviceTokens.token(endpoint.service);
    if (token !== undefined) headers.push(meshHeaders.serviceToken, token);
  };
}

function hasHeader(headers: readonly string[], name: string): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true;
  return false;
}
