import type { RegistryServerOptions } from '@inmesh/registry-server';
import { type Fixture, startRegistry } from './registry-fixture.ts';

/** An instance as Spring's client describes it, nulls and all. */
export function springInstance(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    instanceId: '10.0.0.1:orders:8080',
    app: 'ORDERS',
    appGroupName: null,
    ipAddr: '10.0.0.1',
    sid: 'na',
    homePageUrl: 'http://10.0.0.1:8080/',
    statusPageUrl: 'http://10.0.0.1:8080/actuator/info',
    healthCheckUrl: 'http://10.0.0.1:8080/actuator/health',
    secureHealthCheckUrl: null,
    vipAddress: 'orders',
    secureVipAddress: 'orders',
    countryId: 1,
    dataCenterInfo: {
      '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
      name: 'MyOwn',
    },
    hostName: 'orders-1.internal',
    status: 'UP',
    overriddenStatus: 'UNKNOWN',
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90, registrationTimestamp: 0 },
    isCoordinatingDiscoveryServer: false,
    lastUpdatedTimestamp: 1_700_000_000_000,
    lastDirtyTimestamp: 1_700_000_000_000,
    actionType: null,
    asgName: null,
    port: { $: 8080, '@enabled': true },
    securePort: { $: 443, '@enabled': false },
    metadata: { 'management.port': '8080', version: 'v2' },
    ...overrides,
  };
}

type Answer = Awaited<ReturnType<Fixture['send']>>;

export interface EurekaFixture extends Fixture {
  /** Below `/eureka`, in JSON. */
  eureka(path: string, method?: string, body?: unknown): Promise<Answer>;
  registerInstance(overrides?: Record<string, unknown>): Promise<Answer>;
}

/** A server that is settled and speaks Eureka. */
export async function startEureka(options: RegistryServerOptions = {}): Promise<EurekaFixture> {
  const registry = await startRegistry({ eureka: true, settleMs: 0, ...options });
  const eureka = (path: string, method = 'GET', body?: unknown): Promise<Answer> =>
    registry.send(`/eureka${path}`, { method, headers: { accept: 'application/json' }, body });
  return {
    ...registry,
    eureka,
    registerInstance(overrides = {}) {
      const instance = springInstance(overrides);
      return eureka(`/apps/${instance.app}`, 'POST', { instance });
    },
  };
}
