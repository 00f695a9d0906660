import type { Duration, PortSelector, WorkloadSelector } from './common.ts';
import type { ResourceOf } from './resource.ts';

/** How endpoints of one host are grouped, chosen, limited and connected to. */
export type DestinationRule = ResourceOf<'DestinationRule', DestinationRuleSpec>;

export interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets?: readonly Subset[];
  /** Namespaces that see it: `.` its own, `*` all. @default ['*'] */
  readonly exportTo?: readonly string[];
  /** Only for these calling workloads of the same namespace. */
  readonly workloadSelector?: WorkloadSelector;
}

export interface Subset {
  /** A DNS label, unique in the rule. */
  readonly name: string;
  /** Endpoints must carry all of them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Replaces the rule's, component by component. */
  readonly trafficPolicy?: TrafficPolicy;
}

/** The four components that subset and port policies replace one by one. */
export interface PolicyComponents {
  readonly loadBalancer?: LoadBalancerSettings;
  readonly connectionPool?: ConnectionPoolSettings;
  readonly outlierDetection?: OutlierDetection;
  readonly tls?: ClientTlsSettings;
}

export interface TrafficPolicy extends PolicyComponents {
  /** Components that a port does not set go back to defaults, not to the policy above. */
  readonly portLevelSettings?: readonly PortTrafficPolicy[];
  readonly retryBudget?: RetryBudget;
}

export interface PortTrafficPolicy extends PolicyComponents {
  readonly port: PortSelector;
}

/** One of `simple` and `consistentHash`. */
export interface LoadBalancerSettings {
  readonly simple?:
    | 'UNSPECIFIED'
    | 'RANDOM'
    | 'ROUND_ROBIN'
    | 'LEAST_REQUEST'
    /** Deprecated name of LEAST_REQUEST. */
    | 'LEAST_CONN';
  readonly consistentHash?: ConsistentHash;
  readonly localityLbSetting?: LocalityLbSetting;
  /** Only with ROUND_ROBIN and LEAST_REQUEST. */
  readonly warmup?: Warmup;
  /** Not honoured. */
  readonly zoneAwareLbSetting?: unknown;
}

/** Exactly one key, at most one algorithm (ring hash unless said). */
export interface ConsistentHash {
  readonly httpHeaderName?: string;
  readonly httpCookie?: HttpCookie;
  readonly useSourceIp?: boolean;
  readonly httpQueryParameterName?: string;
  readonly ringHash?: { /** @default 1024 */ readonly minimumRingSize?: number };
  readonly maglev?: { /** A prime below 5,000,011. @default 65537 */ readonly tableSize?: number };
}

export interface HttpCookie {
  readonly name: string;
  readonly path?: string;
  /** Given: the cookie is made when it is missing; `0s` for the session. */
  readonly ttl?: Duration;
  /** Not honoured. */
  readonly attributes?: readonly unknown[];
}

/** At most one of `distribute`, `failover` and `failoverPriority`. */
export interface LocalityLbSetting {
  readonly distribute?: readonly LocalityDistribute[];
  readonly failover?: readonly LocalityFailover[];
  /** Labels, or `key=value`. */
  readonly failoverPriority?: readonly string[];
  /** @default true */
  readonly enabled?: boolean;
}

export interface LocalityDistribute {
  /** `region/zone/subzone`, `*` at the end. */
  readonly from: string;
  /** Percents by locality; they add up to 100. */
  readonly to: Readonly<Record<string, number>>;
}

export interface LocalityFailover {
  /** A region. */
  readonly from: string;
  readonly to: string;
}

export interface Warmup {
  readonly duration: Duration;
  /** Of the full weight, at the start. @default 10 */
  readonly minimumPercent?: number;
  /** @default 1 */
  readonly aggression?: number;
}

export interface ConnectionPoolSettings {
  readonly tcp?: TcpSettings;
  readonly http?: HttpSettings;
}

export interface TcpSettings {
  /** @default 2^32 - 1 */
  readonly maxConnections?: number;
  /** @default 10s */
  readonly connectTimeout?: Duration;
  /** @default none */
  readonly maxConnectionDuration?: Duration;
  /** @default 1h */
  readonly idleTimeout?: Duration;
  /** Not honoured. */
  readonly tcpKeepalive?: unknown;
}

export interface HttpSettings {
  /** Of HTTP/1.1 and 2 alike. @default 2^32 - 1 */
  readonly http1MaxPendingRequests?: number;
  /** Of HTTP/1.1 and 2 alike. @default 2^32 - 1 */
  readonly http2MaxRequests?: number;
  /** 0 is no limit; 1 switches keep-alive off. @default 0 */
  readonly maxRequestsPerConnection?: number;
  /** @default 1h */
  readonly idleTimeout?: Duration;
  /** Not honoured: retries are bounded by the budget. */
  readonly maxRetries?: number;
  /** Not honoured beyond HTTP/1.1. */
  readonly h2UpgradePolicy?: 'DEFAULT' | 'DO_NOT_UPGRADE' | 'UPGRADE';
  /** Not honoured. */
  readonly useClientProtocol?: boolean;
  /** Not honoured: HTTP/2. */
  readonly maxConcurrentStreams?: number;
  /** Not honoured: HTTP/2. */
  readonly http2KeepAlive?: unknown;
}

/** Its presence switches outlier detection on. */
export interface OutlierDetection {
  /** 0 switches it off. @default 5 */
  readonly consecutive5xxErrors?: number;
  /** 502, 503, 504; 0 switches it off. @default 0 */
  readonly consecutiveGatewayErrors?: number;
  /** @default false */
  readonly splitExternalLocalOriginErrors?: boolean;
  /** Only when split. @default 5 */
  readonly consecutiveLocalOriginFailures?: number;
  /** @default 10s */
  readonly interval?: Duration;
  /** @default 30s */
  readonly baseEjectionTime?: Duration;
  /** @default 10 */
  readonly maxEjectionPercent?: number;
  /** @default 0 */
  readonly minHealthPercent?: number;
  /** Not honoured. */
  readonly outlierDetectionHttpErrorCodes?: unknown;
}

export interface ClientTlsSettings {
  readonly mode?: 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL';
  /** A file. */
  readonly clientCertificate?: string;
  /** A file. */
  readonly privateKey?: string;
  /** A file. */
  readonly caCertificates?: string;
  readonly subjectAltNames?: readonly string[];
  readonly sni?: string;
  readonly insecureSkipVerify?: boolean;
}

export interface RetryBudget {
  /** @default 20 */
  readonly percent?: number;
  /** Always allowed; read as retries a second. @default 3 */
  readonly minRetryConcurrency?: number;
  /** @default 10s */
  readonly budgetInterval?: Duration;
}
