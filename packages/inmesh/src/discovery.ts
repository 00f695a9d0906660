import {
  type CredentialSource,
  type EndpointSource,
  MeshError,
  type MeshEvent,
  staticSource,
  type Workload,
} from '@inmesh/core';
import { createRegistryClient, type Registry, type RegistryClient } from '@inmesh/registry-client';
import { createDnsSource } from '@inmesh/registry-client/dns';
import { createEurekaSource } from '@inmesh/registry-client/eureka';
import { createKubernetesSource } from '@inmesh/registry-client/kubernetes';
import { readDnsAddress } from './dns-address.ts';
import { layeredSource } from './layered-source.ts';
import type { MeshOptions } from './options.ts';
import { registryAddresses } from './registry-address.ts';
import { definedOnly, seams } from './shared-options.ts';
import { defaultSnapshotFile } from './snapshot-file.ts';

/** Whether there is a registry whose configuration is to be followed. */
export function followsConfiguration({ registry }: MeshOptions): boolean {
  const { kind, addresses } = registryAddresses(registry);
  return kind === 'inmesh' && addresses.length > 0;
}

/** What `registry` names; our own has the configuration and takes reports, too. */
export type MeshRegistry = Registry &
  Partial<
    Pick<
      RegistryClient,
      'config' | 'report' | 'showCalls' | 'takeQuota' | 'taps' | 'trust' | 'serviceTokens'
    >
  >;

/** The registry of `options`, or `undefined` where there are only fixed endpoints. Throws `invalid_argument`. */
export function registryOf(
  options: MeshOptions,
  workload: Workload,
  onEvent: (event: MeshEvent) => void,
  credentials: CredentialSource | undefined,
): MeshRegistry | undefined {
  const { kind, addresses } = registryAddresses(options.registry);
  const { startTimeoutMs } = options;
  const common = {
    observer: { event: onEvent },
    ...definedOnly({ startTimeoutMs }),
    ...seams(options),
  };
  if (kind === 'kubernetes') {
    const [apiServer] = addresses;
    return createKubernetesSource({ ...definedOnly({ apiServer }), ...common });
  }
  if (kind === 'dns') {
    const { namespace } = workload;
    return createDnsSource({ ...readDnsAddress(addresses[0] as string), namespace, ...common });
  }
  if (addresses.length === 0) {
    if (options.endpoints !== undefined) return undefined;
    throw new MeshError(
      'invalid_argument',
      `${workload.service}: nothing to find services by: set registry (INMESH_REGISTRY) or endpoints (INMESH_ENDPOINTS)`,
    );
  }
  const { snapshotFile = defaultSnapshotFile(workload.service, addresses, process.env) } = options;
  const kept = snapshotFile === false || snapshotFile === 'false' ? {} : { snapshotFile };
  if (kind === 'eureka') {
    const { namespace, locality } = workload;
    const where = { servers: addresses, zone: locality.zone, namespace };
    return createEurekaSource({ ...where, ...kept, ...common });
  }
  return createRegistryClient({
    servers: addresses,
    client: `${workload.service}/${process.pid}`,
    // Who names its service promises to report its calls itself.
    ...(options.reports === false ? {} : { service: workload.service }),
    followConfig: true,
    ...definedOnly({ credentials }),
    ...kept,
    ...common,
  });
}

/** Fixed endpoints over the registry's, as far as there are any. */
export function sourceOf(options: MeshOptions, registry: MeshRegistry | undefined): EndpointSource {
  if (options.endpoints === undefined) return registry as MeshRegistry;
  const fixed = staticSource(options.endpoints);
  return registry === undefined ? fixed : layeredSource(fixed, registry);
}
