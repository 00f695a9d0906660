import type { ResourceMetadata } from './resources/index.ts';

interface Dated {
  readonly metadata: ResourceMetadata;
}

/** Oldest first; without times, or with the same, by name and then namespace, as Istio breaks ties. */
export function compareByAge(a: Dated, b: Dated): number {
  return (
    createdAt(a) - createdAt(b) ||
    compareText(a.metadata.name, b.metadata.name) ||
    compareText(a.metadata.namespace, b.metadata.namespace)
  );
}

/** A resource without a time has no claim to be older than one that has. */
function createdAt({ metadata }: Dated): number {
  const time = Date.parse(metadata.creationTimestamp ?? '');
  return Number.isNaN(time) ? Number.MAX_SAFE_INTEGER : time;
}

/** By code unit, so that every process orders alike whatever its locale. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
