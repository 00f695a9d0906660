import type { Locality } from './endpoint.ts';
import { unknownLocality } from './endpoint.ts';
import { MeshError } from './mesh-error.ts';
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

/** Kubernetes' label value and account name: both go out in a header and into metrics, callers' and callees'. */
const versionText = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const accountText = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Checks the names and fills in the defaults. `version` becomes `labels.version`. Throws `invalid_argument`. */
export function createWorkload(options: WorkloadOptions): Workload {
  const namespace = options.namespace ?? defaultNamespace;
  const version = options.version ?? options.labels?.version ?? '';
  const serviceAccount = options.serviceAccount ?? 'default';
  check('version', version, versionText, "at most 63 of letters, digits, '.', '_' and '-'");
  check('serviceAccount', serviceAccount, accountText, "1 to 253 of a-z, 0-9, '.' and '-'");
  return Object.freeze({
    service: serviceName(options.service, namespace),
    name: options.service,
    namespace,
    version,
    labels: Object.freeze({ ...options.labels, ...(version === '' ? {} : { version }) }),
    serviceAccount,
    locality: Object.freeze({ ...unknownLocality, ...options.locality }),
    trustDomain: options.trustDomain ?? 'cluster.local',
  });
}

function check(name: string, value: unknown, form: RegExp, what: string): void {
  if (typeof value === 'string' && form.test(value)) return;
  throw new MeshError(
    'invalid_argument',
    `${name} must be ${what}, and start and end with a letter or digit, got ${JSON.stringify(value)}`,
  );
}
