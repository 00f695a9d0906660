import type { RequestListener } from 'node:http';
import type { ResourceInput } from '@inmesh/config';
import type { ConfigResource, ResourcesApplied } from '@inmesh/core';
import { createRegistryServer, type RegistryServerOptions } from '@inmesh/registry-server';
import { afterEach } from '@jest/globals';
import { createMesh, type Mesh, type MeshOptions } from 'inmesh';

const open: { close(): Promise<unknown> }[] = [];

/** Runs after the test, last first. */
export function onEnd(close: () => Promise<unknown>): void {
  open.push({ close });
}

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** A registry that is closed after the test. */
export async function startRegistry(
  options: RegistryServerOptions = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createRegistryServer({ port: 0, settleMs: 0, ...options });
  onEnd(() => server.close());
  return { ...(await server.listen()), close: () => server.close() };
}

/** A mesh that is closed after the test and keeps no file. */
export async function join(options: MeshOptions): Promise<Mesh> {
  const mesh = await createMesh({ snapshotFile: false, ...options });
  onEnd(() => mesh.close());
  return mesh;
}

/** No signal handlers and no waiting in tests. */
export const quick = { drainOn: [], propagationMs: 0 } as const;

/** A version of a service that answers with its version, or as `handler` does. */
export async function serve(
  registry: string,
  service: string,
  version: string,
  handler: RequestListener = (_request, response) => response.end(version),
): Promise<Mesh> {
  const mesh = await join({ service, version, registry });
  await mesh.listen(handler, quick);
  return mesh;
}

const apiVersions: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'security.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
};

/** Applies to a registry; the answer's JSON, whatever its status. */
export async function post(
  registry: string,
  ...resources: readonly (ResourceInput | ConfigResource)[]
): Promise<ResourcesApplied> {
  const withVersion = resources.map((resource) => ({
    apiVersion: apiVersions[resource.kind] ?? 'networking.istio.io/v1',
    ...resource,
  }));
  const answer = await fetch(`${registry}/v1/resources`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resources: withVersion }),
  });
  return (await answer.json()) as ResourcesApplied;
}

/** Resolves when `mesh` goes by `revision`. */
export async function configured(mesh: Mesh, revision: string): Promise<void> {
  if (mesh.inspect().config.revision === revision) return;
  await new Promise<void>((resolve) => {
    mesh.events.on('config-changed', (event) => {
      if (event.revision === revision) resolve();
    });
  });
}

/** The two resources that send all of `service` to one version. */
export function allTo(service: string, subset: string): [ResourceInput, ResourceInput] {
  return [
    {
      kind: 'VirtualService',
      metadata: { name: service },
      spec: {
        hosts: [service],
        http: [{ name: 'all', route: [{ destination: { host: service, subset } }] }],
      },
    },
    {
      kind: 'DestinationRule',
      metadata: { name: service },
      spec: { host: service, subsets: [{ name: subset, labels: { version: subset } }] },
    },
  ];
}
