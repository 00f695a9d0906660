import type { Locality } from './endpoint.ts';
import { unknownLocality } from './endpoint.ts';
import { defaultNamespace, type ServiceName, serviceName } from './service-name.ts';

/** Who this process is in the mesh: the source of its calls and the destination of its requests. */
export interface Workload {
  readonly service: ServiceName;
  /** The service's two parts, apart. */
  readonly name: string;
  readonly namespace: string;
  /** `labels.version`, or '' when it has none. */
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly locality: Locality;
  /** The mesh's identities live under it. @default 'cluster.local' */
  readonly trustDomain: string;
}

export interface WorkloadOptions {
  readonly service: string;
  readonly namespace?: string;
  readonly version?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
  readonly locality?: Partial<Locality>;
  readonly trustDomain?: string;
}

/** Checks the names and fills in the defaults. `version` becomes `labels.version`. Throws `invalid_argument`. */
export function createWorkload(options: WorkloadOptions): Workload {
  const namespace = options.namespace ?? defaultNamespace;
  const version = options.version ?? options.labels?.version ?? '';
  return Object.freeze({
    service: serviceName(options.service, namespace),
    name: options.service,
    namespace,
    version,
    labels: Object.freeze({ ...options.labels, ...(version === '' ? {} : { version }) }),
    serviceAccount: options.serviceAccount ?? 'default',
    locality: Object.freeze({ ...unknownLocality, ...options.locality }),
    trustDomain: options.trustDomain ?? 'cluster.local',
  });
}
