import type { ConfigResource, ResourcesApplied } from '@inmesh/core';
import type { Fixture } from './registry-fixture.ts';

/** A route that sends everything to `subset`; tests tell versions of it apart by that. */
export function route(name: string, subset = 'v1', namespace = 'default'): ConfigResource {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace },
    spec: { hosts: [name], http: [{ route: [{ destination: { host: name, subset } }] }] },
  };
}

/** The same route with a mistake in it. */
export function brokenRoute(name: string): ConfigResource {
  return { ...route(name), spec: { hosts: [name], http: [{ timeout: 'soon', route: [] }] } };
}

/** Applies what has to be accepted. */
export async function apply(
  registry: Fixture,
  ...resources: readonly ConfigResource[]
): Promise<ResourcesApplied> {
  const answer = await registry.send('/v1/resources', { method: 'POST', body: { resources } });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json as ResourcesApplied;
}

export async function names(registry: Fixture): Promise<string[]> {
  const { json } = await registry.send('/v1/resources');
  return (json.resources as ConfigResource[]).map(({ metadata }) => metadata.name);
}
