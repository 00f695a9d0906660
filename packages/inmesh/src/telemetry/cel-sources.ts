import type { CelSource, CelValue } from '@inmesh/config';
import {
  type EndedCall,
  type EndedRequest,
  type ServiceName,
  splitServiceName,
  type Workload,
} from '@inmesh/core';
import { type Party, type TrafficLabels, withoutQuery } from '@inmesh/metrics';

/** What expressions see of one call or request that ended. */
export function endedSource(ended: EndedCall | EndedRequest, workload: Workload): CelSource {
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
