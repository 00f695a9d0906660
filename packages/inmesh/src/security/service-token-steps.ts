import { serviceTokens } from '@inmesh/auth';
import { MeshError, registryIdentity, type Workload } from '@inmesh/core';
import type { IdentitySource } from '@inmesh/identity';
import type { InboundStep } from '@inmesh/inbound';
import type { MeshOptions } from '../options.ts';
import { meshRegistryServers } from '../registry-address.ts';
import { seams } from '../shared-options.ts';

/**
 * Learns the calling workload from the registry's service tokens, where they are switched on. The
 * registry's keys are fetched as everything else of it is: over TLS, from nobody but the registry.
 */
export function serviceTokenSteps(
  options: MeshOptions,
  { service, trustDomain }: Workload,
  identity: IdentitySource | undefined,
): readonly InboundStep[] {
  if (options.serviceTokens !== true) return [];
  const [server] = meshRegistryServers(options.registry, 'service tokens');
  if (server === undefined || identity === undefined) {
    throw new MeshError(
      'invalid_argument',
      'serviceTokens need a registry that issues them and an identity to get them with',
    );
  }
  const jwksUri = new URL('/v1/jwks', server);
  if (jwksUri.protocol !== 'https:') {
    throw new MeshError(
      'invalid_argument',
      `serviceTokens need a registry at https://: on the way, keys in plain text can be changed; got ${jwksUri.origin}`,
    );
  }
  return [
    serviceTokens({
      issuer: { issuer: `spiffe://${trustDomain}`, audiences: [service], jwksUri: jwksUri.href },
      trustDomain,
      privateHosts: [jwksUri.hostname],
      keyTls: () => identity.connectOptions([registryIdentity(trustDomain)]),
      ...seams(options),
    }),
  ];
}
