import { stringify } from 'yaml';
import type { Resource } from './resources/index.ts';

/** How resources are written. */
export type ResourceFormat = 'yaml' | 'json';

/** One resource as text that `parseResources` reads back to the same. Ends with a line break. */
export function formatResource(resource: Resource, format: ResourceFormat = 'yaml'): string {
  return formatResources([resource], format);
}

/** Several resources: YAML documents, or a JSON resource (one) or `List` (several, or none). */
export function formatResources(
  resources: Iterable<Resource>,
  format: ResourceFormat = 'yaml',
): string {
  const ordered = [...resources].map(inOrder);
  if (format === 'yaml') return ordered.map(toYaml).join('---\n');
  const [only] = ordered;
  const value = ordered.length === 1 ? only : { apiVersion: 'v1', kind: 'List', items: ordered };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** As people write them, whatever order the fields came in. */
function inOrder({ apiVersion, kind, metadata, spec }: Resource): object {
  const { name, namespace, ...rest } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, ...rest }, spec };
}

function toYaml(value: object): string {
  // No folding: a long header value or regex stays one line that can be searched for.
  // No anchors: frozen resources may share objects, and readers should not have to resolve them.
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
