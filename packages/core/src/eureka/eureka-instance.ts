/** Eureka's words for how an instance is. What is none of them counts as `UNKNOWN`. */
export type EurekaStatus = 'UP' | 'DOWN' | 'STARTING' | 'OUT_OF_SERVICE' | 'UNKNOWN';

export const eurekaStatuses: readonly EurekaStatus[] = [
  'UP',
  'DOWN',
  'STARTING',
  'OUT_OF_SERVICE',
  'UNKNOWN',
];

export interface EurekaPort {
  readonly number: number;
  readonly enabled: boolean;
}

/** `metadata` is AWS's, on `Amazon` only. */
export interface DataCenter {
  readonly name: 'MyOwn' | 'Netflix' | 'Amazon';
  readonly metadata?: Readonly<Record<string, string>>;
}

/** In seconds. */
export interface EurekaLeaseInfo {
  readonly renewalIntervalInSecs: number;
  readonly durationInSecs: number;
}

/** Pages of an instance, absolute http(s) URLs. */
export const urlFields = [
  'homePageUrl',
  'statusPageUrl',
  'healthCheckUrl',
  'secureHealthCheckUrl',
] as const;

type Urls = { readonly [Field in (typeof urlFields)[number]]?: string };

/**
 * One instance as Eureka knows it, whatever it was written in: names in their case, numbers as
 * numbers. Timestamps are wall-clock milliseconds of whoever wrote them, and only ever compared
 * with others of the same writer.
 */
export interface EurekaInstance extends Urls {
  readonly instanceId: string;
  /** Upper-case. */
  readonly app: string;
  readonly hostName: string;
  readonly ipAddr: string;
  readonly status: EurekaStatus;
  readonly overriddenStatus: EurekaStatus;
  readonly port: EurekaPort;
  readonly securePort: EurekaPort;
  /** Comma-separated names that callers look it up by. */
  readonly vipAddress?: string;
  readonly secureVipAddress?: string;
  readonly appGroupName?: string;
  readonly asgName?: string;
  readonly countryId: number;
  readonly dataCenterInfo: DataCenter;
  readonly leaseInfo: EurekaLeaseInfo;
  readonly metadata: Readonly<Record<string, string>>;
  readonly isCoordinatingDiscoveryServer: boolean;
  readonly registrationTimestamp: number;
  readonly lastUpdatedTimestamp: number;
  readonly lastDirtyTimestamp: number;
}

/** What last happened to an instance, as deltas tell it. */
export type EurekaAction = 'ADDED' | 'MODIFIED' | 'DELETED';
