import type { CelSource, CelValue } from '@inmesh/config';
import {
  type EndedAttempt,
  type EndedCall,
  type EndedRequest,
  parseMeshHost,
  type ServiceName,
  splitServiceName,
  type Workload,
} from '@inmesh/core';
import { type Party, type TrafficLabels, withoutQuery } from '@inmesh/metrics';

/** What expressions see of one call, attempt or request that ended. */
export function endedSource(
  given: EndedCall | EndedAttempt | EndedRequest,
  workload: Workload,
): CelSource {
  const ended = 'number' in given ? callOfAttempt(given) : given;
  const isCall = 'attempts' in ended;
  const own = peerOf(workload.service, workload.version, '');
  const upstream = isCall ? peerOf(ended.service, ended.endpoint?.labels.version ?? '', '') : own;
  const downstream = isCall
    ? own
    : peerOf(ended.peerService, ended.peerVersion, ended.peer?.spiffeId ?? '');
  const header = (name: string): string | undefined => ended.header(name);
  const of = (name: string): CelValue => {
    switch (name) {
      case 'request.method':
        return ended.method;
      case 'request.url_path':
        return withoutQuery(ended.path);
      case 'request.host':
        return isCall ? ended.authority : header('host');
      case 'request.scheme':
        return isCall ? ended.scheme : ended.mutualTls ? 'https' : 'http';
      case 'request.useragent':
        return header('user-agent');
      case 'request.referer':
        return header('referer');
      case 'request.id':
        return header('x-request-id');
      case 'request.size':
        return ended.requestBytes;
      case 'request.duration':
        return ended.endedAt - ended.startedAt;
      case 'response.code':
        return ended.status;
      case 'response.size':
        return ended.responseBytes;
      case 'connection.mtls':
        return ended.mutualTls;
      case 'inmesh.route':
        return ended.route;
      case 'inmesh.flag':
        return ended.flag;
      case 'inmesh.service':
        return isCall ? ended.service : workload.service;
      default:
        return peerAttribute(name, upstream, downstream);
    }
  };
  return { attribute: of, header };
}

/**
 * What expressions for labels see of one that ended. Whoever sends a request chooses its `Host`: one
 * by which this service is not known is no value.
 */
export function tagSource(
  ended: EndedAttempt | EndedCall | EndedRequest,
  workload: Workload,
  domain: string,
): CelSource {
  const source = endedSource(ended, workload);
  if (!('peerService' in ended)) return source;
  const of = (name: string): CelValue => {
    const value = source.attribute(name);
    return name === 'request.host' && !isOwnHost(String(value), workload, domain)
      ? undefined
      : value;
  };
  return { ...source, attribute: of };
}

function isOwnHost(host: string, { service, namespace }: Workload, domain: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '');
  try {
    return parseMeshHost(name, { namespace, domain, namespaces: [] }) === service;
  } catch {
    return false;
  }
}

/** An attempt with what it shares with its call; what is known of the call's end only is not there. */
function callOfAttempt(attempt: EndedAttempt): EndedCall {
  const { call, service, subset, method, endpoint, status, flag, startedAt, endedAt, error } =
    attempt;
  return {
    ...call,
    service,
    subset,
    method,
    endpoint,
    status,
    flag,
    startedAt,
    endedAt,
    error,
    header: (name) => call.header(name),
  } as EndedCall;
}

/** What expressions for labels see: the labels that a series has already. */
export function labelsSource(labels: TrafficLabels): CelSource {
  const { source, destination } = labels;
  const of = (name: string): CelValue => {
    switch (name) {
      case 'request.method':
        return labels.method;
      case 'response.code':
        return labels.status;
      case 'connection.mtls':
        return labels.mutualTls;
      case 'inmesh.route':
        return labels.route;
      case 'inmesh.flag':
        return labels.flag;
      case 'inmesh.service':
        return destination.service;
      default:
        return peerAttribute(name, peerOfParty(destination), peerOfParty(source));
    }
  };
  return { attribute: of, header: () => undefined };
}

interface Peer {
  readonly app: string;
  readonly namespace: string;
  readonly workload: string;
  readonly version: string;
  readonly principal: string;
}

function peerAttribute(name: string, upstream: Peer, downstream: Peer): CelValue {
  const [peer, field] = name.split('.') as [string, keyof Peer];
  const value = (peer === 'upstream_peer' ? upstream : downstream)[field];
  return value === '' ? undefined : value;
}

function peerOf(service: ServiceName, version: string, principal: string): Peer {
  const { name, namespace } =
    service === '' ? { name: '', namespace: '' } : splitServiceName(service);
  const workload = version === '' ? name : `${name}-${version}`;
  return { app: name, namespace, workload, version, principal };
}

function peerOfParty({ service, version, principal, workload }: Party): Peer {
  return { ...peerOf(service, version, principal), workload };
}
