import type { Resource } from '@inmesh/config';
import { hostPattern } from './host-index.ts';
import type { HostName, HostScope } from './host-name.ts';
import { compiling } from './invalid-resource.ts';

/** The services whose policy some changed resources may alter. */
export interface Affected {
  readonly isEmpty: boolean;
  has(host: HostName): boolean;
}

/**
 * DestinationRules and ResiliencePolicies alter the services that they name, ServiceEntries their
 * namespace and certificates' names.
 */
export function affectedServices(
  changed: readonly Resource[],
  hosts: Omit<HostScope, 'namespace'>,
): Affected {
  const keys = new Set<string>();
  const suffixes = new Set<string>();
  for (const resource of changed) {
    compiling(resource, () => {
      const scope = { ...hosts, namespace: resource.metadata.namespace };
      for (const host of hostsOf(resource)) {
        const { kind, text } = hostPattern(host, scope);
        (kind === 'exact' ? keys : suffixes).add(text);
      }
    });
  }
  return {
    isEmpty: keys.size + suffixes.size === 0,
    has({ key, full }) {
      if (keys.has(key)) return true;
      for (const suffix of suffixes) {
        if (full.endsWith(suffix)) return true;
      }
      return false;
    },
  };
}

function hostsOf(resource: Resource): readonly string[] {
  switch (resource.kind) {
    case 'DestinationRule':
    case 'ResiliencePolicy':
      return [resource.spec.host];
    case 'ServiceEntry':
      return resource.spec.hosts;
    default:
      return [];
  }
}
