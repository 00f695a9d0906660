import { isIP } from 'node:net';
import { MeshError } from '../mesh-error.ts';
import {
  type DataCenter,
  type EurekaInstance,
  type EurekaPort,
  type EurekaStatus,
  eurekaStatuses,
  urlFields,
} from './eureka-instance.ts';
import {
  badField,
  type Fields,
  isFields,
  readBoolean,
  readMap,
  readNumber,
  readText,
} from './read-fields.ts';

export const anyTimestamp: readonly [number, number] = [0, Number.MAX_SAFE_INTEGER];

/** Leases of a second to an hour; without one, Eureka's own 90 s renewed each 30. */
const leaseSeconds = [1, 3_600] as const;
export const defaultLeaseInfo = { renewalIntervalInSecs: 30, durationInSecs: 90 } as const;

/** Why an address may not be handed out, or nothing when it may. */
export type AddressFault = (address: string) => string | undefined;

/**
 * The instance that a client describes. Liberal, because clients write it in every way (see the
 * tests): numbers as text, ports bare, statuses of any kind, fields missing. What is needed to
 * call it is held to the same rules as our own registrations. Throws `invalid_argument`, where
 * Eureka has words for it in these.
 *
 * @param now Wall-clock milliseconds, for timestamps that are missing.
 */
export function readInstance(
  value: unknown,
  now: number,
  addressFault: AddressFault,
): EurekaInstance {
  if (!isFields(value)) throw new MeshError('invalid_argument', 'cannot parse request body');
  const hostName = readText(value, 'hostName');
  const dataCenterInfo = readDataCenter(value);
  const instanceId =
    readText(value, 'instanceId') ?? dataCenterInfo?.metadata?.['instance-id'] ?? hostName;
  if (instanceId === undefined) throw missing('instanceId');
  if (hostName === undefined) throw missing('hostname');
  const ipAddr = readText(value, 'ipAddr');
  if (ipAddr === undefined) throw missing('ip address');
  const app = readText(value, 'app', 63)?.toUpperCase();
  if (app === undefined) throw missing('appName');
  if (dataCenterInfo === undefined) throw missing('dataCenterInfo');
  if (!/^[!-~]+$/.test(instanceId)) throw badField('instanceId', 'must be printable ASCII');
  const fault = addressFault(ipAddr);
  if (fault !== undefined) throw badField('ipAddr', fault);
  checkHostName(hostName, addressFault);
  const lastDirtyTimestamp = readNumber(value, 'lastDirtyTimestamp', anyTimestamp) || now;
  const lease = isFields(value.leaseInfo) ? value.leaseInfo : {};
  return {
    instanceId,
    app,
    hostName,
    ipAddr,
    status: readStatus(value.status) ?? 'UP',
    overriddenStatus: readStatus(value.overriddenStatus ?? value.overriddenstatus) ?? 'UNKNOWN',
    port: readPort(value, 'port', true, 7001),
    securePort: readPort(value, 'securePort', false, 7002),
    ...readOptionalTexts(value),
    ...readUrls(value),
    countryId: readNumber(value, 'countryId', [0, 1_000]) ?? 1,
    dataCenterInfo,
    leaseInfo: {
      renewalIntervalInSecs:
        readNumber(lease, 'renewalIntervalInSecs', leaseSeconds) ??
        defaultLeaseInfo.renewalIntervalInSecs,
      durationInSecs:
        readNumber(lease, 'durationInSecs', leaseSeconds) ?? defaultLeaseInfo.durationInSecs,
    },
    metadata: readMap(value, 'metadata'),
    isCoordinatingDiscoveryServer: readBoolean(value.isCoordinatingDiscoveryServer) ?? false,
    registrationTimestamp: readNumber(lease, 'registrationTimestamp', anyTimestamp) || now,
    lastUpdatedTimestamp:
      readNumber(value, 'lastUpdatedTimestamp', anyTimestamp) || lastDirtyTimestamp,
    lastDirtyTimestamp,
  };
}

/** `undefined` for what says nothing; an unknown word is `UNKNOWN`, as in Eureka. */
export function readStatus(value: unknown): EurekaStatus | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  const upper = value.toUpperCase() as EurekaStatus;
  return eurekaStatuses.includes(upper) ? upper : 'UNKNOWN';
}

/** `{ "$": 8080, "@enabled": "true" }`, the same with text for numbers, or the bare number. */
function readPort(
  fields: Fields,
  name: string,
  enabledByDefault: boolean,
  defaultNumber: number,
): EurekaPort {
  const value = fields[name];
  const port = isFields(value) ? value : { $: value };
  const enabled = readBoolean(port['@enabled']) ?? (enabledByDefault && port.$ !== undefined);
  const number = readNumber(port, '$', [-1, 65_535]) ?? defaultNumber;
  if (enabled && number < 1) throw badField(name, 'must be within 1..65535');
  // A port that is off is often 0 or -1; nobody connects to it, but it must be a port.
  return { number: number < 1 ? defaultNumber : number, enabled };
}

function readDataCenter(fields: Fields): DataCenter | undefined {
  const value = fields.dataCenterInfo;
  if (!isFields(value)) return undefined;
  const name = readText(value, 'name');
  if (name === undefined) throw missing('dataCenterInfo Name');
  // The class is written by us: a name that a client chose is nothing for a Java process to load.
  if (name === 'MyOwn' || name === 'Netflix') return { name };
  if (name === 'Amazon') return { name, metadata: readMap(value, 'metadata') };
  throw badField('dataCenterInfo', 'must be named MyOwn, Netflix or Amazon');
}

function readOptionalTexts(
  fields: Fields,
): Pick<EurekaInstance, 'vipAddress' | 'secureVipAddress' | 'appGroupName' | 'asgName'> {
  const vipAddress = readText(fields, 'vipAddress', 1_024);
  const secureVipAddress = readText(fields, 'secureVipAddress', 1_024);
  const appGroupName = readText(fields, 'appGroupName')?.toUpperCase();
  const asgName = readText(fields, 'asgName');
  return {
    ...(vipAddress === undefined ? {} : { vipAddress }),
    ...(secureVipAddress === undefined ? {} : { secureVipAddress }),
    ...(appGroupName === undefined ? {} : { appGroupName }),
    ...(asgName === undefined ? {} : { asgName }),
  };
}

/** Dashboards make links of them: anything but http(s) is left out. */
function readUrls(fields: Fields): Pick<EurekaInstance, (typeof urlFields)[number]> {
  const urls: { -readonly [Field in (typeof urlFields)[number]]?: string } = {};
  for (const field of urlFields) {
    const url = readText(fields, field, 2_048);
    if (url !== undefined && /^https?:\/\//i.test(url)) urls[field] = url;
  }
  return urls;
}

/** Java clients connect to it: what they would take for an address must be one that may be handed out. */
function checkHostName(hostName: string, addressFault: AddressFault): void {
  const bare = hostName.startsWith('[') ? hostName.slice(1, -1) : hostName;
  const numeric = /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i.test(bare);
  if (isIP(bare) !== 0 || numeric) {
    const fault = addressFault(bare);
    if (fault !== undefined) throw badField('hostName', fault);
  } else if (!/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(hostName)) {
    throw badField('hostName', 'must be a host name or an IP address');
  }
}

function missing(what: string): MeshError {
  return new MeshError('invalid_argument', `Missing ${what}`);
}
