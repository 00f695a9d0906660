import type { Workload } from '@inmesh/core';
import type { WorkloadSelector } from './resources/index.ts';

interface Selecting {
  readonly metadata: { readonly namespace: string };
  readonly spec: { readonly selector?: WorkloadSelector };
}

/** Whether a resource is for `workload`: of its namespace or the root's, and its labels fit. */
export function selectsWorkload(
  { metadata, spec }: Selecting,
  workload: Pick<Workload, 'namespace' | 'labels'>,
  rootNamespace: string,
): boolean {
  if (metadata.namespace !== workload.namespace && metadata.namespace !== rootNamespace)
    return false;
  const wanted = Object.entries(spec.selector?.matchLabels ?? {});
  return wanted.every(
    ([key, value]) => Object.hasOwn(workload.labels, key) && workload.labels[key] === value,
  );
}
