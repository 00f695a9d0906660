import type { ConfigKey, ConfigResource } from '@inmesh/core';

/** `Kind/namespace/name`. */
export function keyOf({ kind, metadata }: ConfigResource): ConfigKey {
  return `${kind}/${metadata.namespace ?? 'default'}/${metadata.name}`;
}

/** YAML is loaded when the first resource is shown: the graph does not wait for it. */
const yaml = () => import('yaml');

/** A resource as people write it. What the registry sets by itself is left out. */
export async function resourceText({ metadata, ...rest }: ConfigResource): Promise<string> {
  const { creationTimestamp: _, ...own } = metadata;
  const { apiVersion, kind, spec } = rest;
  const { stringify } = await yaml();
  return stringify({ apiVersion, kind, metadata: own, spec }, { lineWidth: 100 });
}

/** The resources in a text, which may have several documents. Throws Error with the line of what is wrong. */
export async function parseResourceText(text: string): Promise<readonly ConfigResource[]> {
  const { parseAllDocuments } = await yaml();
  const documents = parseAllDocuments(text);
  const resources: ConfigResource[] = [];
  for (const document of documents) {
    const [fault] = 'errors' in document ? document.errors : [];
    if (fault !== undefined) throw new Error(fault.message);
    const value: unknown = 'toJS' in document ? document.toJS({ maxAliasCount: 20 }) : null;
    if (value === null || value === undefined) continue;
    if (!isResource(value)) {
      throw new Error('a resource has apiVersion, kind and metadata.name');
    }
    resources.push(value);
  }
  if (resources.length === 0) throw new Error('there is no resource in this text');
  return resources;
}

function isResource(value: unknown): value is ConfigResource {
  const { apiVersion, kind, metadata } = value as Partial<ConfigResource>;
  return (
    typeof apiVersion === 'string' &&
    typeof kind === 'string' &&
    typeof metadata === 'object' &&
    typeof metadata?.name === 'string'
  );
}
