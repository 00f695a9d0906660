import { isMeshError, type Logger } from '@inmesh/core';
import type { ApiClient } from './api-client.ts';
import type { PodFacts, ServiceFacts } from './slice-endpoints.ts';

/** What the API server pages at: a page of pods is some megabytes. */
const pageSize = 500;

/** Subsets select by few labels; a pod may have as many as it likes. */
const maxLabels = 64;

interface ServiceObject {
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>> | null;
    readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
  };
}

interface PodList {
  readonly metadata?: { readonly continue?: string };
  readonly items?: readonly {
    readonly metadata: {
      readonly uid: string;
      readonly labels?: Readonly<Record<string, string>>;
    };
    readonly spec?: { readonly serviceAccountName?: string };
  }[];
}

/**
 * What slices do not say of a service: the ports that callers write, and its pods' labels and service
 * accounts. `undefined` when there is no such service. A process that may not read services or pods
 * goes without, and says so.
 */
export async function readServiceFacts(
  api: ApiClient,
  namespace: string,
  name: string,
  logger: Logger,
): Promise<ServiceFacts | undefined> {
  const servicePorts = new Map<string, number>();
  const pods = new Map<string, PodFacts>();
  const facts = { namespace, name, servicePorts, pods };
  try {
    const path = `/api/v1/namespaces/${namespace}`;
    const { spec = {} } = (await api.get(
      `${path}/services/${name}`,
      'get a service',
    )) as ServiceObject;
    for (const port of spec.ports ?? []) {
      if (port.port !== undefined) servicePorts.set(port.name ?? '', port.port);
    }
    const selector = Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
    if (selector.length > 0) await readPods(api, path, selector.join(), pods);
  } catch (error) {
    if (isMeshError(error, 'not_found')) return undefined;
    if (!isMeshError(error, 'forbidden')) throw error;
    logger.warn(
      { err: error, service: `${name}.${namespace}` },
      'kubernetes: no labels and service ports: grant get on services and list on pods',
    );
  }
  return facts;
}

async function readPods(
  api: ApiClient,
  path: string,
  selector: string,
  pods: Map<string, PodFacts>,
): Promise<void> {
  let next = '';
  do {
    const query = new URLSearchParams({ labelSelector: selector, limit: String(pageSize) });
    if (next !== '') query.set('continue', next);
    const page = (await api.get(`${path}/pods?${query}`, 'list pods')) as PodList;
    for (const { metadata, spec } of page.items ?? []) {
      const labels = Object.entries(metadata.labels ?? {}).slice(0, maxLabels);
      pods.set(metadata.uid, {
        labels: Object.fromEntries(labels),
        serviceAccount: spec?.serviceAccountName ?? 'default',
      });
    }
    next = page.metadata?.continue ?? '';
  } while (next !== '');
}
