import type { ApplyResources, ConfigResource, ResourcesApplied } from '@inmesh/core';
import { RequestError, request } from '../api/request.ts';
import { keyOf, resourceText } from './resource-text.ts';

/** What a change would do, as the registry says, with the texts before and after. */
export interface Review {
  readonly resources: readonly ConfigResource[];
  readonly applied: ResourcesApplied;
  readonly before: string;
  readonly after: string;
}

/** Asks the registry what applying `resources` would do; nothing changes. Throws RequestError with every fault. */
export async function review(resources: readonly ConfigResource[]): Promise<Review> {
  const body: ApplyResources = { resources, dryRun: true };
  const applied = await request<ResourcesApplied>('/v1/resources', { method: 'POST', body });
  const before = await Promise.all(resources.map(present));
  const after = await Promise.all(resources.map(resourceText));
  return {
    resources,
    applied,
    before: before.filter((text) => text !== '').join('---\n'),
    after: after.join('---\n'),
  };
}

/** Applies what was reviewed, unless the configuration is another by now. Throws RequestError. */
export function apply({ resources, applied }: Review): Promise<ResourcesApplied> {
  const body: ApplyResources = { resources, expectedRevision: applied.revision };
  return request('/v1/resources', { method: 'POST', body });
}

/** The text of the resource of that name as it is now; '' when there is none. */
async function present(resource: ConfigResource): Promise<string> {
  try {
    const path = keyOf(resource).split('/').map(encodeURIComponent).join('/');
    return await resourceText(await request<ConfigResource>(`/v1/resources/${path}`));
  } catch (error) {
    if (error instanceof RequestError && error.status === 404) return '';
    throw error;
  }
}
