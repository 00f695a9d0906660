import { readFileSync } from 'node:fs';
import { type Enroller, MeshError, type MeshEvent, type Workload } from '@inmesh/core';
import {
  createIdentity,
  formatSpiffeId,
  type IdentityCommonOptions,
  type IdentitySource,
  parsePemBundle,
} from '@inmesh/identity';
import { createRegistryEnroller, type RegistryClient } from '@inmesh/registry-client';
import type { IdentityPolicy, MeshOptions } from '../options.ts';
import { meshRegistryServers } from '../registry-address.ts';
import { definedOnly, seams } from '../shared-options.ts';

/**
 * What this process proves itself with, as `options.identity` says; `undefined` where nothing is
 * said. Certificates are obtained from here on. Throws `invalid_argument` for options that contradict
 * each other.
 */
export function processIdentity(
  options: MeshOptions,
  workload: Workload,
  onEvent: (event: MeshEvent) => void,
): IdentitySource | undefined {
  const { identity = null } = options;
  if (identity === null) return undefined;
  const { trustDomain, namespace, serviceAccount } = workload;
  const common: IdentityCommonOptions = {
    onEvent,
    ...definedOnly({ minVersion: identity.minVersion }),
    ...seams(options),
  };
  // Said although files say it, too: peers expect the account that is registered, and would refuse another.
  const spiffeId = formatSpiffeId({ trustDomain, namespace, serviceAccount });
  const sources = [
    identity.enroller ?? registryEnroller(identity, options, workload),
    filesOf(identity),
  ] as const;
  const [enroller, files] = sources;
  if (enroller !== undefined && files !== undefined) {
    throw new MeshError(
      'invalid_argument',
      'identity must have one source of certificates, got two',
    );
  }
  if (enroller !== undefined) return createIdentity({ ...common, enroller, spiffeId });
  return files && createIdentity({ ...common, files, spiffeId });
}

function filesOf({ certFile, keyFile, bundleFile }: IdentityPolicy) {
  if (certFile === undefined && keyFile === undefined && bundleFile === undefined) return undefined;
  if (certFile !== undefined && keyFile !== undefined && bundleFile !== undefined) {
    return { cert: certFile, key: keyFile, bundle: bundleFile };
  }
  throw new MeshError(
    'invalid_argument',
    'identity needs certFile, keyFile and bundleFile together',
  );
}

function registryEnroller(
  { joinToken, joinTokenFile, kubernetesTokenFile, registryFingerprint }: IdentityPolicy,
  options: MeshOptions,
  { trustDomain }: Workload,
): Enroller | undefined {
  const token = joinToken ?? (joinTokenFile && readFileSync(joinTokenFile, 'utf8').trim());
  if (token === undefined && kubernetesTokenFile === undefined) return undefined;
  return createRegistryEnroller({
    servers: meshRegistryServers(options.registry, 'certificates for a token'),
    trustDomain,
    ...definedOnly({ joinToken: token, kubernetesTokenFile, fingerprint: registryFingerprint }),
    ...seams(options),
  });
}

/**
 * Goes by what the registry says of trust: whom no longer to believe, and, where it is the authority
 * that our certificates come from, whom to believe.
 */
export function followTrust(
  identity: IdentitySource,
  trust: RegistryClient['trust'] | undefined,
  { identity: policy }: MeshOptions,
): void {
  const isAuthority = policy?.certFile === undefined;
  trust?.onChange(({ bundle, revoked }) => {
    identity.revoked.replace(revoked);
    const trustDomain = identity.tls()?.identity.trustDomain;
    if (isAuthority && trustDomain !== undefined) {
      identity.setTrustBundle(parsePemBundle(trustDomain, bundle));
    }
  });
}
