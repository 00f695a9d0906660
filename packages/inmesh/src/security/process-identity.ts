import { MeshError, type MeshEvent, type Workload } from '@inmesh/core';
import {
  createIdentity,
  formatSpiffeId,
  type IdentityCommonOptions,
  type IdentitySource,
} from '@inmesh/identity';
import type { MeshOptions } from '../options.ts';
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
  const { certFile, keyFile, bundleFile, enroller, minVersion } = options.identity ?? {};
  const files = [certFile, keyFile, bundleFile].filter((file) => file !== undefined);
  const { trustDomain, namespace, serviceAccount } = workload;
  const spiffeId = formatSpiffeId({ trustDomain, namespace, serviceAccount });
  const common: IdentityCommonOptions = {
    onEvent,
    ...definedOnly({ minVersion }),
    ...seams(options),
  };
  if (enroller !== undefined) {
    if (files.length === 0) return createIdentity({ ...common, enroller, spiffeId });
    throw new MeshError('invalid_argument', 'identity must have files or an enroller, got both');
  }
  if (files.length === 0) return undefined;
  if (certFile === undefined || keyFile === undefined || bundleFile === undefined) {
    throw new MeshError(
      'invalid_argument',
      'identity needs certFile, keyFile and bundleFile together',
    );
  }
  const paths = { cert: certFile, key: keyFile, bundle: bundleFile };
  // Said although the files say it: peers expect the account that is registered, and would refuse another.
  return createIdentity({ ...common, files: paths, spiffeId });
}
