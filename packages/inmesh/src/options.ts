import type { ExternalAuthorizer, Role } from '@inmesh/auth';
import type { ResourceInput } from '@inmesh/config';
import type {
  BalancerPolicy,
  BreakerPolicy,
  Clock,
  Enroller,
  Interceptor,
  Locality,
  Logger,
  MinTls,
  Observer,
  OutlierPolicy,
  PoolPolicy,
  Random,
  RetryBudgetPolicy,
  RetryPolicy,
  StaticEndpoint,
} from '@inmesh/core';
import type { StatsdOptions, TelemetryAdapter } from '@inmesh/metrics';
import { resilienceCodeOnly } from './resilience/resilience-option-table.ts';
import type { ResilienceOptions } from './resilience/resilience-options.ts';

/**
 * What `createMesh` takes. Everything but `service` has a default, and everything that is text, a
 * number, a choice or a list has an environment variable (`INMESH_` and the option's path in capitals:
 * `breaker.failureRatio` is `INMESH_BREAKER_FAILURE_RATIO`). Code wins over the environment.
 * `docs/reference/options.md` lists them all with their defaults.
 */
export interface MeshOptions extends ResilienceOptions {
  /** This process' service name: a label, or the environment's `INMESH_SERVICE`. Required in one of the two. */
  readonly service?: string;
  readonly namespace?: string;
  /** Becomes the label `version`, which subsets and metrics go by. */
  readonly version?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
  readonly locality?: Partial<Locality>;
  /** Relative share of traffic of the endpoints that this process registers. */
  readonly weight?: number;

  /**
   * One or several registry servers; without any, `endpoints` is all that there is. An existing Eureka
   * is `eureka+http://eureka:8761/eureka`, the Kubernetes cluster around this process `kubernetes:`,
   * and records in DNS are `dns:{service}.internal:8080`.
   */
  readonly registry?: string | readonly string[];
  /** Fixed services beside the registry's, or instead of a registry. They win over the registry's. */
  readonly endpoints?: Readonly<Record<string, readonly StaticEndpoint[]>>;
  /** What this process proves itself with; `null` or nothing is no identity: plain text only. */
  readonly identity?: IdentityPolicy | null;
  /** The mesh's identities live under it. */
  readonly trustDomain?: string;
  /** `mutual`: no service of the mesh is called in plain text, whatever registrations and resources say. */
  readonly minTls?: MinTls;
  /** Security resources of this namespace hold for all. */
  readonly rootNamespace?: string;
  /** Addresses and CIDRs of proxies whose `x-forwarded-*` is believed; from everybody else it is taken away. */
  readonly trustedProxies?: readonly string[];
  /** Headers, lower-case, that only these proxies may send (`x-user`). */
  readonly identityHeaders?: readonly string[];
  /** Hosts whose token keys may be in a private network or come over plain http. */
  readonly privateIssuers?: readonly string[];
  /** Whether a refused caller is told which policy and rule refused it; logs and metrics always are. */
  readonly tellRefusals?: boolean;
  /** Whether calls are proven by the registry's service tokens where TLS ends before the callee, and such tokens are taken. */
  readonly serviceTokens?: boolean;
  /** Whether calls made for a request carry the end user's verified token on to services of the mesh. */
  readonly passOnTokens?: boolean;
  /** Roles in code: they become policies of this service. */
  readonly roles?: readonly Role[];
  /** Who decides for CUSTOM policies, by the name in their `provider`. */
  readonly authorizers?: Readonly<Record<string, ExternalAuthorizer>>;

  /** How long `createMesh` waits for the registry when there is no snapshot to start from. */
  readonly startTimeoutMs?: number;
  /** Start without registry and snapshot: calls fail with `registry_unavailable` until it is found. */
  readonly startDegraded?: boolean;
  /** Where the last known endpoints are kept; `false` keeps none. */
  readonly snapshotFile?: string | false;

  readonly domain?: string;
  readonly namespaces?: readonly string[];
  /** What happens to names outside the mesh. */
  readonly outbound?: 'allow-any' | 'registry-only';

  /** Resources in code: what holds where the registry has no resource of the same kind, namespace and name. */
  readonly resources?: readonly ResourceInput[];
  /** Calls with the header `inmesh-explain` get the reason of their route in a response header of that name. */
  readonly explainHeader?: boolean;

  readonly timeoutMs?: number;
  readonly maxBodyBytes?: number;
  /** How long a call waits for the first list of a service that was never called before. */
  readonly sourceWaitMs?: number;
  /** Share of the traces begun in this process that are sampled; a trace that came keeps its flag. */
  readonly samplingRatio?: number;
  /** Headers that traces are read from, the first that is there, and passed on in, all of them: `w3c`, `b3`, `b3-multi`. */
  readonly propagation?: readonly string[];
  /** A port for `/metrics` and `/hystrix.stream`, apart from the app's. */
  readonly metrics?: { readonly port?: number; readonly host?: string };
  /** JSON lines of calls and requests. */
  readonly accessLog?: AccessLogPolicy;
  readonly statsd?: StatsdOptions;
  /** Further places where metrics, spans and logs go. */
  readonly adapters?: readonly TelemetryAdapter[];
  /** Tell the registry of calls and state, for the call graph. */
  readonly reports?: boolean;
  /** What operators may see of live calls by `inmesh tap`. */
  readonly tap?: TapPolicy;
  readonly balancer?: BalancerPolicy;
  readonly pool?: Partial<PoolPolicy>;
  /** `null` switches it off. */
  readonly outlier?: Partial<OutlierPolicy> | null;
  /** `null` switches it off. */
  readonly breaker?: Partial<BreakerPolicy> | null;
  readonly retry?: Partial<RetryPolicy>;
  readonly retryBudget?: Partial<RetryBudgetPolicy>;

  readonly interceptors?: readonly Interceptor[];
  readonly observers?: readonly Observer[];
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Where the access log goes. */
interface AccessLogPolicy {
  /** A file, or `-` for the standard output. Without it there is no log. */
  readonly file?: string;
  /** Share of good calls and requests that is logged; failures always are. */
  readonly sampleRatio?: number;
  /** A file that grew so large is set aside. */
  readonly maxBytes?: number;
  /** Files set aside; older ones are deleted. */
  readonly maxFiles?: number;
  /** Compress files set aside. */
  readonly compress?: boolean;
}

/** What this process shows of its calls while an operator looks. Bodies and queries never are. */
interface TapPolicy {
  /** Whether anything is. */
  readonly enabled?: boolean;
  /** Request headers that are; credentials are refused. */
  readonly headers?: readonly string[];
  /** What of a path is shown; only in code. */
  readonly redactPath?: (path: string) => string;
}

/** Where the certificate comes from: the registry, files of an outside authority, or an enroller in code. */
export interface IdentityPolicy {
  /** Made by `inmesh token create`: gets the first certificate from the registry, and says whom to trust there. */
  readonly joinToken?: string;
  /** A file that holds the join token. */
  readonly joinTokenFile?: string;
  /** A projected Kubernetes service account token, for the audience that the registry expects. */
  readonly kubernetesTokenFile?: string;
  /** SHA-256 of the registry's root, in hexadecimal: whom to trust where there is no join token. */
  readonly registryFingerprint?: string;
  /** PEM, the leaf first; read again when it changes. */
  readonly certFile?: string;
  /** PEM, not encrypted. */
  readonly keyFile?: string;
  /** The authorities of the trust domain: PEM, or SPIFFE's JWKS. */
  readonly bundleFile?: string;
  /** The oldest TLS spoken. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** How old a connection of a verified peer gets at most. */
  readonly maxConnectionAgeMs?: number;
  /** Signs certificates for this process; only in code. */
  readonly enroller?: Enroller;
}

/** What `mesh.listen` takes. */
export interface ListenOptions {
  /** 0 picks a free one. */
  readonly port?: number;
  /** The address to listen on. Loopback unless said: a service is opened to others on purpose. */
  readonly host?: string;
  /** The address that others reach it at; needed when `host` is a wildcard and the machine has several. */
  readonly advertise?: string;
  /** The port that callers write in URLs, when it is not the real one. */
  readonly servicePort?: number;
  /** Signals that drain the mesh and then end the process; `[]` for none. */
  readonly drainOn?: readonly NodeJS.Signals[];
  /** After deregistering, how long requests are still taken as if nothing was. */
  readonly propagationMs?: number;
  /** How long requests in flight may take to finish before they are cut. */
  readonly drainTimeoutMs?: number;
  /** Ask the registry to probe this path (`/healthz`, which the mesh answers itself). */
  readonly probe?: string;
}

/** Options that only code can say. */
export const codeOnlyOptions: readonly string[] = [
  'resources',
  'roles',
  'authorizers',
  'identity.enroller',
  'interceptors',
  'observers',
  'adapters',
  'tap.redactPath',
  ...resilienceCodeOnly,
  'logger',
  'clock',
  'random',
];
