import {
  type EurekaAction,
  type EurekaInstance,
  type EurekaPort,
  urlFields,
} from './eureka-instance.ts';

/** Eureka's JSON of an instance. Java reads it strictly: no field that is not one of these, and these types. */
export type InstanceJson = Readonly<Record<string, unknown>>;

/**
 * An instance as Eureka's server writes it, strings where it writes strings. `compact` leaves out
 * what `X-Eureka-Accept: compact` does.
 */
export function instanceJson(
  instance: EurekaInstance,
  action?: EurekaAction,
  compact = false,
): InstanceJson {
  const { dataCenterInfo, leaseInfo } = instance;
  const { instanceId, hostName, app, ipAddr, status, vipAddress, secureVipAddress } = instance;
  const essence = {
    instanceId,
    hostName,
    app,
    ipAddr,
    status,
    port: portJson(instance.port),
    securePort: portJson(instance.securePort),
    dataCenterInfo: {
      '@class': dataCenterClass(dataCenterInfo.name),
      name: dataCenterInfo.name,
      metadata: dataCenterInfo.metadata,
    },
    vipAddress,
    secureVipAddress,
    asgName: instance.asgName,
    lastUpdatedTimestamp: String(instance.lastUpdatedTimestamp),
    actionType: action,
  };
  if (compact) return essence;
  return {
    ...essence,
    overriddenStatus: instance.overriddenStatus,
    appGroupName: instance.appGroupName,
    countryId: instance.countryId,
    ...Object.fromEntries(urlFields.map((field) => [field, instance[field]])),
    leaseInfo: {
      ...leaseInfo,
      registrationTimestamp: instance.registrationTimestamp,
      lastRenewalTimestamp: instance.lastUpdatedTimestamp,
      evictionTimestamp: 0,
      serviceUpTimestamp: instance.registrationTimestamp,
    },
    metadata: instance.metadata,
    isCoordinatingDiscoveryServer: String(instance.isCoordinatingDiscoveryServer),
    lastDirtyTimestamp: String(instance.lastDirtyTimestamp),
  };
}

/** Java picks the class that it reads into by this. */
export function dataCenterClass(name: EurekaInstance['dataCenterInfo']['name']): string {
  return name === 'Amazon'
    ? 'com.netflix.appinfo.AmazonInfo'
    : 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo';
}

function portJson({ number, enabled }: EurekaPort): InstanceJson {
  return { $: number, '@enabled': String(enabled) };
}
