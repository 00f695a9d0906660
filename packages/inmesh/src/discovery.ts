import {
  type EndpointSource,
  MeshError,
  type MeshEvent,
  staticSource,
  type Workload,
} from '@inmesh/core';
import { createRegistryClient, type RegistryClient } from '@inmesh/registry-client';
import { layeredSource } from './layered-source.ts';
import type { MeshOptions } from './options.ts';
import { seams } from './shared-options.ts';
import { defaultSnapshotFile } from './snapshot-file.ts';

/** Whether there is a registry to follow. */
export function hasRegistry({ registry }: MeshOptions): boolean {
  return typeof registry === 'string' || (registry?.length ?? 0) > 0;
}

/** The registry client of `options`, or `undefined` where there are only fixed endpoints. Throws `invalid_argument`. */
export function registryOf(
  options: MeshOptions,
  workload: Workload,
  onEvent: (event: MeshEvent) => void,
): RegistryClient | undefined {
  const servers =
    typeof options.registry === 'string' ? [options.registry] : (options.registry ?? []);
  if (servers.length === 0) {
    if (options.endpoints !== undefined) return undefined;
    throw new MeshError(
      'invalid_argument',
      `${workload.service}: nothing to find services by: set registry (INMESH_REGISTRY) or endpoints (INMESH_ENDPOINTS)`,
    );
  }
  const { snapshotFile = defaultSnapshotFile(workload.service, servers, process.env) } = options;
  return createRegistryClient({
    servers,
    client: `${workload.service}/${process.pid}`,
    // Who names its service promises to report its calls itself.
    ...(options.reports === false ? {} : { service: workload.service }),
    followConfig: true,
    observer: { event: onEvent },
    ...(snapshotFile === false || snapshotFile === 'false' ? {} : { snapshotFile }),
    ...(options.startTimeoutMs === undefined ? {} : { startTimeoutMs: options.startTimeoutMs }),
    ...seams(options),
  });
}

/** Fixed endpoints over the registry's, as far as there are any. */
export function sourceOf(
  options: MeshOptions,
  registry: RegistryClient | undefined,
): EndpointSource {
  if (options.endpoints === undefined) return registry as RegistryClient;
  const fixed = staticSource(options.endpoints);
  return registry === undefined ? fixed : layeredSource(fixed, registry);
}
